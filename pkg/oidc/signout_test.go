package oidc_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/oidc"
)

func TestSignOut(t *testing.T) {
	w := newWorld(t)
	w.must(w.way())
	s, other := w.session(), w.session()
	identity := s.Identity()
	if remote, err := s.SignOut(t.Context()); remote != nil || err != nil {
		t.Fatalf("got the errors %v and %v, want none", remote, err)
	}
	if w.Revocations() != 1 || w.Logouts() != 1 {
		t.Errorf("got %d revocations and %d logouts, want 1 each", w.Revocations(), w.Logouts())
	}
	for _, s := range []*oidc.Session{s, w.session()} {
		if s.SignedIn || s.Refreshes || s.Subject != "" || !s.Since.IsZero() || !s.ExpiresAt.IsZero() {
			t.Errorf("got the session %+v, want none", s)
		}
		if s.Client != w.client() || s.Identity().Equal(identity) {
			t.Error("got the identity of before, want another one, for the same client")
		}
	}
	if text := w.files(); strings.Contains(text, "sealed") || strings.Contains(text, "example.com") {
		t.Errorf("got the files %s\nwant nothing of the session", text)
	}
	// Twice is no error, and calls nobody.
	calls := w.calls()
	if remote, err := other.SignOut(t.Context()); remote != nil || err != nil || w.calls() != calls {
		t.Errorf("again: got the errors %v and %v and %d calls, want none", remote, err, w.calls()-calls)
	}
	_, err := (&oidc.Provider{Session: other}).Credential(t.Context())
	want{credential.Refused, "signing in at"}.check(t, err)
	w.must(w.way())
	w.counts(2, 2, 0)
}

// Whatever the provider makes of it, the session ends here.
func TestSignOutFailsRemotely(t *testing.T) {
	tests := map[string]struct {
		faults  map[string]string
		without []string
		says    []string // the error; empty: none
		revoked int
		logouts int
	}{
		"discovery":  {map[string]string{"discovery": "html"}, nil, []string{"discovering the OpenID provider at"}, 0, 0},
		"revocation": {map[string]string{"revoke": "500"}, nil, []string{"revoking the session at"}, 0, 1},
		"a page":     {map[string]string{"revoke": "html"}, nil, []string{"it is an HTML page"}, 0, 1},
		"logout":     {map[string]string{"logout": "500"}, nil, []string{"ending the session at"}, 1, 0},
		"both": {
			map[string]string{"revoke": "500", "logout": "500"}, nil, []string{"revoking the", "; ending the"}, 0, 0,
		},
		"huge":           {map[string]string{"revoke": "huge", "logout": "huge"}, nil, nil, 0, 0},
		"no revocation":  {nil, []string{"revocation"}, nil, 0, 1},
		"no logout":      {nil, []string{"end_session"}, nil, 1, 0},
		"neither":        {nil, []string{"revocation", "end_session"}, nil, 0, 0},
		"no refreshing":  {nil, []string{"refresh", "offline_access"}, nil, 0, 1},
		"keys":           {map[string]string{"keys": "500"}, nil, nil, 1, 1},
		"unsafe address": {map[string]string{"discovery": "http-revoke"}, nil, nil, 0, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Without(test.without...)
			w.must(w.way())
			for endpoint, fault := range test.faults {
				w.Fault(endpoint, fault)
			}
			remote, err := w.session().SignOut(t.Context())
			if err != nil || (remote != nil) != (len(test.says) > 0) {
				t.Fatalf("got the errors %v and %v, want none here and one there: %t", remote, err, len(test.says) > 0)
			}
			for _, says := range test.says {
				want{credential.ClassOf(remote), says}.check(t, remote)
			}
			w.revealsNothing(remote)
			if w.Revocations() != test.revoked || w.Logouts() != test.logouts {
				t.Errorf("got %d revocations and %d logouts, want %d and %d",
					w.Revocations(), w.Logouts(), test.revoked, test.logouts)
			}
			if w.session().SignedIn {
				t.Error("got somebody signed in, want nobody")
			}
		})
	}
}

// A provider that hangs takes the caller's time, and doesn't keep the session here; nor does an interruption.
func TestSignOutHangs(t *testing.T) {
	for _, endpoint := range []string{"discovery", "revoke", "logout"} {
		for _, canceled := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				session := b.signIn(t)
				b.Fault(endpoint, "hang")
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				if canceled {
					time.AfterFunc(time.Second, cancel)
				}
				start := time.Now()
				remote, err := session.SignOut(ctx)
				if remote == nil || err != nil {
					t.Errorf("%s hangs: got the errors %v and %v, want one there and none here", endpoint, remote, err)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("%s hangs: took %v, want at most 5s", endpoint, took)
				}
				if b.session(t).SignedIn {
					t.Errorf("%s hangs: got somebody signed in, want nobody", endpoint)
				}
			})
		}
	}
}

// If the end can't be kept here, the provider is told all the same.
func TestSignOutCannotBeKept(t *testing.T) {
	w := newWorld(t)
	w.must(w.way())
	s := w.session()
	if err := os.WriteFile(strings.TrimSuffix(w.record(), ".json")+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	makeUnwritable(t, filepath.Join(w.dir, "sso"))
	remote, err := s.SignOut(t.Context())
	if remote != nil || err == nil || w.Revocations() != 1 {
		t.Errorf("got the errors %v and %v and %d revocations, want one error here and one revocation",
			remote, err, w.Revocations())
	}
}
