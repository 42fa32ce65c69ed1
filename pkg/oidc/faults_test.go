package oidc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/oidc"
	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

const (
	unsafe      = credential.Unsafe
	unusable    = credential.Unusable
	unreachable = credential.Unreachable
	refused     = credential.Refused
)

type badInput struct {
	endpoint, fault string
	want            want
}

// discoveryFaults are faults before anything is asked for that can be asked for once only.
func discoveryFaults() []badInput {
	return []badInput{
		{"discovery", "html", want{unusable, "the answer can't be used: it is an HTML page"}},
		{"discovery", "not-json", want{unusable, "the answer can't be used: it is truncated"}},
		{"discovery", "huge", want{unusable, "the answer can't be used: it is too large"}},
		{"discovery", "empty", want{unsafe, "refusing metadata of another issuer"}},
		{"discovery", "other-issuer", want{unsafe, `refusing metadata of another issuer, "https://stranger.example"`}},
		{"discovery", "redirect", want{unsafe, "refusing to follow a redirect"}},
		{"discovery", "500", want{unreachable, "the authorization server failed: server_error (status 500)"}},
		{"keys", "html", want{unusable, "getting the keys that sign ID tokens at"}},
		{"keys", "huge", want{unusable, "it is too large"}},
		{"keys", "empty", want{unusable, "it has no keys"}},
		{"keys", "500", want{unreachable, "the authorization server failed"}},
	}
}

// grantFaults are faults of the tokens. Those of the nonce concern a sign-in only.
func grantFaults() []badInput {
	return []badInput{
		{"token", "500", want{unreachable, "the authorization server failed"}},
		{"token", "html", want{unusable, "it is an HTML page"}},
		{"token", "huge", want{unusable, "it is too large"}},
		{"token", "drop", want{unreachable, "EOF"}},
		{"token", "control-chars", want{unusable, "it contains a character that a token can't contain"}},
		{"token", "control-chars-refresh", want{unusable, `its field "refresh_token" can't be used`}},
		{"token", "alg-none", want{unusable, "unexpected signature algorithm"}},
		{"token", "hs256", want{unusable, "unexpected signature algorithm"}},
		{"token", "bad-signature", want{unusable, "failed to verify signature"}},
		{"token", "wrong-iss", want{unusable, "id token issued by a different provider"}},
		{"token", "wrong-aud", want{unusable, "expected audience"}},
		{"token", "many-audiences", want{unusable, "it was issued to another client"}},
		{"token", "other-azp", want{unusable, "it was issued to another client"}},
		{"token", "no-exp", want{unusable, "it has no expiry"}},
		{"token", "expired", want{unusable, "it expired at 2030-01-0"}},
		{"token", "far-future", want{unusable, "it isn't valid yet"}},
		{"keys", "rotated", want{unusable, "failed to verify signature"}},
	}
}

func signInFaults() []badInput {
	return append(append(discoveryFaults(), grantFaults()...), []badInput{
		{"discovery", "http-endpoints", want{unusable, "it has no token_endpoint that can be used"}},
		{"discovery", "http-authorize", want{unusable, "it has no authorization_endpoint that can be used"}},
		{"discovery", "http-keys", want{unusable, "it has no jwks_uri that can be used"}},
		{"authorize", "error", want{refused, `the sign-in was refused: "server_error": "the provider failed"`}},
		{"authorize", "wrong-iss", want{unsafe, "comes from another issuer"}},
		{"authorize", "no-iss", want{unsafe, "doesn't name its issuer"}},
		{"token", "error-200", want{refused, "invalid_grant: the sign-in is refused"}},
		{"token", "invalid-grant", want{refused, "invalid_grant: the sign-in is refused"}},
		{"token", "no-id-token", want{unusable, "the answer has no ID token"}},
		{"token", "wrong-nonce", want{unusable, "its nonce is another sign-in's"}},
		{"token", "no-nonce", want{unusable, "its nonce is another sign-in's"}},
	}...)
}

// Whatever is wrong with a sign-in's answers, the error says so, nothing of them is kept, and the next sign-in
// succeeds.
func TestBadInputInSignIn(t *testing.T) {
	provider := newWorld(t)
	for _, test := range signInFaults() {
		t.Run(test.endpoint+" "+test.fault, func(t *testing.T) {
			w := provider.another(t)
			w.Fault(test.endpoint, test.fault)
			_, err := w.get(w.way())
			test.want.check(t, err)
			w.revealsNothing(err)
			if s := w.session(); s.SignedIn || s.Subject != "" {
				t.Errorf("got the session %+v, want none", s)
			}
			w.Fault(test.endpoint, "")
			if err := w.session().SignIn(t.Context(), w.way()); err != nil {
				t.Errorf("got the error %v afterwards, want somebody signed in", err)
			}
			w.must(oidc.Way{})
		})
	}
}

// revealsNothing fails if an error or a file shows a token, or what may be one.
func (w *world) revealsNothing(err error) {
	w.t.Helper()
	for _, prefix := range []string{"access-", "refresh-", "eyJhbGciOi"} {
		if strings.Contains(errText(err), prefix) {
			w.t.Errorf("got the error %q, want no token in it", err)
		}
		if strings.Contains(w.files(), prefix) {
			w.t.Errorf("the files show a token that begins with %s", prefix)
		}
	}
}

// Whatever is wrong with a refresh's answers, the ID token of before serves until it expires, then the error says so,
// and the next refresh, or sign-in, succeeds.
func TestBadInputInRefresh(t *testing.T) {
	provider := newWorld(t)
	for _, test := range append(discoveryFaults(), grantFaults()...) {
		t.Run(test.endpoint+" "+test.fault, func(t *testing.T) {
			w, reuses := provider.another(t), provider.Reuses()
			first := w.must(w.way())
			w.clock.Add(first.RenewAt().Sub(w.clock.Now()))
			w.Fault(test.endpoint, test.fault)
			if got := w.must(oidc.Way{}); !got.Token.Equal(first.Token) {
				t.Error("while the ID token is valid: got another one, want it")
			}
			w.Fault(test.endpoint, "")
			if test.fault == "drop" || test.fault == "control-chars-refresh" { // the refresh token is lost
				w = provider.another(t)
				first = w.must(w.way())
			}
			w.clock.Add(first.ExpiresAt.Sub(w.clock.Now()))
			w.Fault(test.endpoint, test.fault)
			_, err := w.get(w.way())
			test.want.check(t, err)
			w.revealsNothing(err)
			if got := int(w.opened.Load()); got != 1 {
				t.Errorf("got %d browsers, want only the first", got)
			}
			w.Fault(test.endpoint, "")
			if got := w.must(w.way()); got.Token.Equal(first.Token) {
				t.Error("got the old token afterwards, want another one")
			}
			isLost := test.fault == "drop" || test.fault == "control-chars-refresh"
			if got := w.Reuses() - reuses; got != 0 && !isLost {
				t.Errorf("got %d uses of a spent refresh token, want none", got)
			}
		})
	}
}

// A refusal to refresh ends the session, and leads to a sign-in.
func TestRefreshRefusedWithAnyStatus(t *testing.T) {
	for _, fault := range []string{"invalid-grant", "error-200"} {
		t.Run(fault, func(t *testing.T) {
			w := newWorld(t)
			w.must(w.way())
			w.clock.Add(oidctest.DefaultLifetime)
			w.Fault("token", fault)
			_, err := w.get(oidc.Way{Reason: errors.New("there is no desktop")})
			want{refused, "signing in at"}.check(t, err)
			w.Fault("token", "")
			w.must(w.way())
			w.counts(2, 2, 0)
		})
	}
}

// The metadata may name unsafe addresses that a sign-in doesn't need.
func TestUnsafeOptionalEndpoints(t *testing.T) {
	for _, fault := range []string{"http-device", "http-revoke", "http-logout"} {
		w := newWorld(t)
		w.Fault("discovery", fault)
		w.must(w.way())
		if remote, err := w.session().SignOut(t.Context()); remote != nil || err != nil {
			t.Errorf("%s: got the errors %v and %v, want none", fault, remote, err)
		}
	}
}

func TestKeysAreRotated(t *testing.T) {
	w := newWorld(t)
	w.must(w.way())
	w.RotateKeys()
	w.clock.Add(oidctest.DefaultLifetime)
	w.must(oidc.Way{})
	w.counts(1, 1, 1)
	way := w.way()
	way.Open = func(ctx context.Context, url string) error {
		w.RotateKeys() // after discovery
		return w.open(ctx, url)
	}
	if err := w.session().SignIn(t.Context(), way); err != nil {
		t.Errorf("rotated while somebody signed in: %v", err)
	}
	way.Open = func(ctx context.Context, url string) error {
		w.RotateKeys()
		w.Fault("keys", "500")
		return w.open(ctx, url)
	}
	err := w.session().SignIn(t.Context(), way)
	want{unreachable, "getting the keys that sign ID tokens at"}.check(t, err)
	w.Fault("keys", "")
	// Header kid unknown, but the key is there: some providers don't name it as in their set.
	w.Fault("token", "unknown-kid")
	if err := w.session().SignIn(t.Context(), w.way()); err != nil {
		t.Errorf("an unknown key ID, and a key that is known: %v", err)
	}
}

// Clocks that differ by five minutes don't matter to tokens that live longer. If a token looks expired, the error has
// the difference.
func TestClocksDiffer(t *testing.T) {
	const five = 5 * time.Minute
	tests := []struct {
		name     string
		skew     time.Duration // of the provider's clock
		lifetime time.Duration
		usable   time.Duration // by our clock; 0: none
	}{
		{"provider slow, long", -five, time.Hour, time.Hour - five},
		{"provider slow, short", -five, five, 0},
		{"provider slow, very short", -five, time.Minute, 0},
		{"provider fast, long", five, time.Hour, time.Hour},
		{"provider fast, short", five, time.Minute, time.Minute},
		{"provider fast, with nbf", time.Hour, time.Hour, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.SetSkew(test.skew)
			w.SetLifetime(test.lifetime)
			if strings.Contains(test.name, "nbf") {
				w.Fault("token", "future")
			}
			got, err := w.get(w.way())
			if test.usable == 0 {
				want{unusable, "using the ID token at"}.check(t, err)
				e, ok := errors.AsType[*credential.Error](err)
				if !ok || e.ClockSkew != -test.skew {
					t.Errorf("got %#v, want a clock skew of %v", err, -test.skew)
				}
				return
			}
			if left := got.ExpiresAt.Sub(w.clock.Now()); err != nil || left != test.usable {
				t.Fatalf("got %v, %v; want a token for %v", left, err, test.usable)
			}
			w.clock.Add(test.usable)
			if next, err := w.get(oidc.Way{}); err != nil || next.Token.Equal(got.Token) {
				t.Errorf("got %v, or the same token; want a refreshed one", err)
			}
		})
	}
	// Its nbf is five minutes ahead.
	w := newWorld(t)
	w.Fault("token", "future")
	w.must(w.way())
	// It has expired, and clocks agree as well as can be expected.
	w = newWorld(t)
	w.SetSkew(-30 * time.Second)
	w.Fault("token", "expired")
	_, err := w.get(w.way())
	if e, ok := errors.AsType[*credential.Error](err); !ok || e.ClockSkew != 0 {
		t.Errorf("got %#v, want no clock skew", err)
	}
}
