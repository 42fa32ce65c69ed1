package accounts_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// Metadata is advisory: without it, or with another issuer's, the documented endpoints are used.
func TestSignInWithOddMetadata(t *testing.T) {
	for _, name := range []string{"other-issuer", "error-html", "html", "truncated", "404", "500", "reset", "huge"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			fault, ok := digitaloceantest.NamedOfAuth()[name]
			if !ok {
				fault = digitaloceantest.Named()[name]
			}
			w.auth.SetMetadataFault(fault)
			if in := w.signIn(); !in.IsSession() || in.User.Email != sam.Email || len(in.Scopes) != 3 {
				t.Errorf("got %+v, want a session of sam", in)
			}
		})
	}
}

// If the client can't be registered, no browser opens, and the error says why.
func TestSignInWithoutRegistration(t *testing.T) {
	tests := map[string]struct {
		class credential.Class
		says  string
	}{
		"no-client-id": {credential.Unusable, "it has no client id"},
		"html":         {credential.Unusable, "HTML"},
		"500":          {credential.Unreachable, "500"},
		"403":          {credential.Refused, "403"},
		"redirect":     {credential.Unsafe, "redirect"},
		"hang":         {credential.Unreachable, "no answer within"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			fault, ok := digitaloceantest.NamedOfAuth()[name]
			if !ok {
				fault = digitaloceantest.Named()[name]
			}
			w.auth.SetRegisterFault(fault)
			_, err := w.sources().SignIn(t.Context(), accounts.SignInRequest{
				Issuer: w.iss, Timeout: 500 * time.Millisecond,
				Open: func(context.Context, string) error {
					t.Error("a browser was opened")
					return errors.New("unwanted")
				},
			})
			if credential.ClassOf(err) != test.class || err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got class %q, %v; want %q, %q", credential.ClassOf(err), err, test.class, test.says)
			}
			w.auth.SetRegisterFault(nil)
			w.signIn() // nothing of the failure stays
		})
	}
}

// The server may have forgotten the client. Then there is one more try, with a new registration.
func TestSignInRegistersAgainOnce(t *testing.T) {
	w := newWorld(t)
	w.signIn()
	w.auth.SetTokenFault(digitaloceantest.Times(1, digitaloceantest.NamedOfAuth()["unauthorized-client"]))
	w.signIn()
	if n := w.auth.Registrations(); n != 2 {
		t.Errorf("got %d registrations, want 2", n)
	}
	w.auth.SetTokenFault(digitaloceantest.NamedOfAuth()["invalid-client"])
	opened := 0
	_, err := w.sources().SignIn(t.Context(), accounts.SignInRequest{
		Issuer: w.iss,
		Open: func(ctx context.Context, url string) error {
			opened++
			return approve(ctx, url)
		},
	})
	if credential.ClassOf(err) != credential.Refused || opened != 2 {
		t.Errorf("got %v, after %d browsers; want a refusal after 2", err, opened)
	}
}

// What can't be kept isn't begun: the registration comes first.
func TestSignInNeedsAStateDirectory(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(filepath.Join(w.home, "state"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := w.sources().SignIn(t.Context(), accounts.SignInRequest{Issuer: w.iss, Open: approve})
	if err == nil || !strings.Contains(err.Error(), "keeping the registration at ") {
		t.Errorf("got %v, want that the registration can't be kept", err)
	}
	if n := w.auth.Registrations() + w.auth.Authorizations(); n != 0 {
		t.Errorf("got %d registrations and sign-ins, want none", n)
	}
}

func TestMissingScopes(t *testing.T) {
	if got := accounts.MissingScopes(accounts.DefaultScopes()); len(got) > 0 {
		t.Errorf("got %q, want none", got)
	}
	if got := accounts.MissingScopes([]string{"account:read", "droplet:read"}); len(got) != 2 {
		t.Errorf("got %q, want two", got)
	}
}
