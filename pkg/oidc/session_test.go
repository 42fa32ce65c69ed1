package oidc_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/oidc"
	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

var (
	sam = oidctest.User{Subject: "user-sam", Email: "sam@example.com", Roles: []string{"owner"}}
	kim = oidctest.User{Subject: "user-kim", Email: "kim@example.com", Roles: []string{"member"}}
)

func TestSignInAndReuse(t *testing.T) {
	w := newWorld(t)
	w.SetUser(sam)
	if s := w.session(); s.SignedIn || s.Leeway() != 0 {
		t.Errorf("got somebody signed in: %t, and a leeway of %v; want nobody, and the default", s.SignedIn, s.Leeway())
	}
	first := w.must(w.way())
	if first.Server != w.cluster().Server || !first.ExpiresAt.Equal(w.clock.Now().Add(oidctest.DefaultLifetime)) ||
		!first.FetchedAt.Equal(w.clock.Now()) {
		t.Errorf("got server %q, fetched %v, expiring %v; want %q, %v and a lifetime of %v", first.Server, first.FetchedAt,
			first.ExpiresAt, w.cluster().Server, w.clock.Now(), oidctest.DefaultLifetime)
	}
	calls := w.calls()
	provider := w.provider(oidc.Way{})
	provider.Cluster.ID = "11111111-0739-4a1a-acc5-deadbeefbb8f"
	second, err := provider.Credential(t.Context())
	if err != nil || !second.Token.Equal(first.Token) {
		t.Errorf("for another cluster: got %v, want the same token", err)
	}
	if got := w.calls(); got != calls {
		t.Errorf("for another cluster: got %d calls, want none", got-calls)
	}
	w.counts(1, 1, 0)
	s := w.session()
	if !s.SignedIn || !s.Refreshes || s.Subject != sam.Subject || s.Email != sam.Email ||
		strings.Join(s.Roles, " ") != "owner" || !s.ExpiresAt.Equal(first.ExpiresAt) || !s.Since.Equal(w.clock.Now()) {
		t.Errorf("got the session %+v, want sam's", s)
	}
	if s.Leeway() != 0 {
		t.Errorf("got a leeway of %v for a session that refreshes, want the default", s.Leeway())
	}
}

// calls returns how often the provider was called.
func (w *world) calls() int {
	n := 0
	for _, endpoint := range []string{"discovery", "keys", "authorize", "token", "device", "revoke", "logout"} {
		n += w.Calls(endpoint)
	}
	return n
}

func TestRefreshesRotate(t *testing.T) {
	w := newWorld(t)
	old := w.must(w.way())
	for n := range 4 {
		w.clock.Add(oidctest.DefaultLifetime + time.Duration(n)*30*24*time.Hour)
		got := w.must(oidc.Way{})
		if got.Token.Equal(old.Token) || !got.ExpiresAt.After(w.clock.Now()) {
			t.Errorf("refresh %d: got the token before, or one until %v; want another one", n, got.ExpiresAt)
		}
		old = got
	}
	w.counts(1, 1, 4)
}

// Within the leeway a session is refreshed. If that fails, its ID token serves until it expires.
func TestRefreshWithinTheLeeway(t *testing.T) {
	w := newWorld(t)
	first := w.must(w.way())
	w.clock.Add(first.RenewAt().Sub(w.clock.Now()))
	for _, endpoint := range []string{"discovery", "keys", "token"} {
		w.Fault(endpoint, "500")
		if got := w.must(oidc.Way{}); !got.Token.Equal(first.Token) {
			t.Errorf("%s fails: got another token, want the old one", endpoint)
		}
		w.Fault(endpoint, "")
	}
	provider := w.provider(oidc.Way{})
	provider.After = w.clock.Now()
	w.Fault("token", "500")
	_, err := provider.Credential(t.Context())
	want{credential.Unreachable, "the authorization server failed"}.check(t, err)
	w.Fault("token", "")
	if got := w.must(oidc.Way{}); got.Token.Equal(first.Token) {
		t.Error("got the old token, want another one")
	}
	w.counts(1, 1, 1)
}

// After excludes a token that is fresh, unless another process fetches one meanwhile.
func TestAfter(t *testing.T) {
	w := newWorld(t)
	first := w.must(w.way())
	w.clock.Add(time.Minute)
	provider := w.provider(oidc.Way{})
	provider.After = w.clock.Now()
	second, err := provider.Credential(t.Context())
	if err != nil || second.Token.Equal(first.Token) {
		t.Fatalf("got the error %v or the same token, want another token", err)
	}
	third, err := provider.Credential(t.Context())
	if err != nil || !third.Token.Equal(second.Token) {
		t.Errorf("got the error %v or another token, want the one that was fetched since", err)
	}
	w.counts(1, 1, 1)
}

func TestRefreshWithoutRotation(t *testing.T) {
	w := newWorld(t)
	w.must(w.way())
	w.Fault("token", "no-rotation")
	for range 3 {
		w.clock.Add(oidctest.DefaultLifetime)
		w.must(oidc.Way{})
	}
	w.counts(1, 1, 3)
}

// The provider may have processed a refresh whose answer was lost. Asking again is all that can be done; if the
// provider takes that for a theft, somebody must sign in.
func TestLostRefresh(t *testing.T) {
	w := newWorld(t)
	first := w.must(w.way())
	w.clock.Add(oidctest.DefaultLifetime)
	w.Fault("token", "drop")
	_, err := w.get(w.way())
	want{credential.Unreachable, "refreshing the session at"}.check(t, err)
	w.counts(1, 1, 1)
	w.Fault("token", "")
	if got := w.must(w.way()); got.Token.Equal(first.Token) {
		t.Error("got the old token, want a new sign-in's")
	}
	if got := int(w.opened.Load()); got != 2 || w.Reuses() != 1 {
		t.Errorf("got %d browsers and %d uses of a spent refresh token, want 2 and 1", got, w.Reuses())
	}
}

func TestRefusedRefresh(t *testing.T) {
	w := newWorld(t)
	first := w.must(w.way())
	identity := w.session().Identity()
	w.EndSessions()
	w.clock.Add(first.RenewAt().Sub(w.clock.Now()))
	for range 2 { // the refusal is remembered
		if got := w.must(oidc.Way{}); !got.Token.Equal(first.Token) {
			t.Error("got another token, want the one that is still valid")
		}
	}
	if s := w.session(); s.Refreshes || s.Leeway() != time.Second {
		t.Errorf("got a session that refreshes: %t, with a leeway of %v; want none, and a second", s.Refreshes, s.Leeway())
	}
	tokens := w.Calls("token")
	w.clock.Add(oidctest.DefaultLifetime)
	_, err := w.get(oidc.Way{Reason: errors.New("there is no desktop")})
	want{credential.Refused, "is necessary, but not possible here: there is no desktop"}.check(t, err)
	if needed, ok := errors.AsType[*oidc.NeededError](err); !ok || needed.Client != w.client() ||
		!errors.Is(err, credential.ErrUnremembered) {
		t.Errorf("got %#v, want a NeededError with the client, that nobody was asked", err)
	}
	if got := w.Calls("token"); got != tokens {
		t.Errorf("got %d more calls, want none", got-tokens)
	}
	w.must(w.way())
	w.counts(2, 2, 0)
	if !w.session().Identity().Equal(identity) {
		t.Error("got another identity for the same user, want the same")
	}
}

func TestSessionWithoutRefreshToken(t *testing.T) {
	w := newWorld(t)
	w.Without("refresh", "offline_access")
	first := w.must(w.way())
	if s := w.session(); s.Refreshes || s.Leeway() != time.Second {
		t.Errorf("got a session that refreshes: %t, with a leeway of %v; want none, and a second", s.Refreshes, s.Leeway())
	}
	w.clock.Add(oidctest.DefaultLifetime - time.Second)
	if got := w.must(w.way()); !got.Token.Equal(first.Token) {
		t.Error("a second before the end: got another token, want the same")
	}
	w.counts(1, 1, 0)
	w.clock.Add(time.Second)
	if got := w.must(w.way()); got.Token.Equal(first.Token) {
		t.Error("after the end: got the same token, want another one")
	}
	w.counts(2, 2, 0)
}

// A provider without the scope offline_access gives refresh tokens all the same.
func TestScopeThatIsNotOffered(t *testing.T) {
	w := newWorld(t)
	w.Without("offline_access")
	w.must(w.way())
	w.clock.Add(oidctest.DefaultLifetime)
	w.must(oidc.Way{})
	w.counts(1, 1, 1)
}

// A refresh may return no ID token. Then it is of no use.
func TestRefreshWithoutIDToken(t *testing.T) {
	w := newWorld(t)
	w.must(w.way())
	w.clock.Add(oidctest.DefaultLifetime)
	w.Fault("token", "no-id-token")
	_, err := w.get(oidc.Way{Reason: errors.New("there is no desktop")})
	want{credential.Refused, "signing in at"}.check(t, err)
	if w.session().Refreshes {
		t.Error("got a session that refreshes, want one that doesn't try again")
	}
	w.Fault("token", "")
	w.must(w.way())
	w.counts(2, 2, 1)
}

func TestAnotherUser(t *testing.T) {
	w := newWorld(t)
	w.SetUser(sam)
	first := w.must(w.way())
	identity := w.session().Identity()
	w.SetUser(kim)
	s := w.session()
	if err := s.SignIn(t.Context(), w.way()); err != nil {
		t.Fatal(err)
	}
	if s.Email != kim.Email || s.Identity().Equal(identity) {
		t.Errorf("got the session of %s, with the identity before: %t; want kim's with another one",
			s.Email, s.Identity().Equal(identity))
	}
	if got := w.must(oidc.Way{}); got.Token.Equal(first.Token) {
		t.Error("got sam's token, want kim's")
	}
	w.clock.Add(oidctest.DefaultLifetime)
	w.Fault("token", "other-subject")
	_, err := w.get(oidc.Way{Reason: errors.New("there is no desktop")})
	want{credential.Refused, "signing in at"}.check(t, err)
	w.Fault("token", "")
	if s := w.session(); s.Refreshes || s.Subject != kim.Subject {
		t.Errorf("got the session of %s, which refreshes: %t; want kim's, without another user's tokens",
			s.Subject, s.Refreshes)
	}
}

// A user's email and roles may change.
func TestChangedUser(t *testing.T) {
	w := newWorld(t)
	w.SetUser(sam)
	w.must(w.way())
	identity := w.session().Identity()
	w.SetUser(oidctest.User{Subject: sam.Subject, Email: "new@example.com", Roles: []string{"member"}})
	w.clock.Add(oidctest.DefaultLifetime)
	w.must(oidc.Way{})
	s := w.session()
	if s.Email != "new@example.com" || strings.Join(s.Roles, " ") != "member" || !s.Identity().Equal(identity) {
		t.Errorf("got %+v, want the new email and role, and the same identity", s.User)
	}
}

// Only ID tokens and refresh tokens are kept, and none of them in clear text.
func TestFilesShowNoToken(t *testing.T) {
	w := newWorld(t)
	tokens := []string{w.must(w.way()).Token.Reveal()}
	w.clock.Add(oidctest.DefaultLifetime)
	tokens = append(tokens, w.must(oidc.Way{}).Token.Reveal())
	files := w.files()
	for _, token := range tokens {
		for part := range strings.SplitSeq(token, ".") {
			if strings.Contains(files, part) {
				t.Errorf("the files show the part %s of an ID token", part)
			}
		}
	}
	for _, prefix := range []string{"access-", "refresh-"} {
		if strings.Contains(files, prefix) {
			t.Errorf("the files show a token that begins with %s", prefix)
		}
	}
}

func TestHold(t *testing.T) {
	w := newWorld(t)
	w.must(w.way())
	w.clock.Add(oidctest.DefaultLifetime + time.Minute) // a time that isn't in the record yet
	held, released := 0, 0
	sessions := w.sessions()
	sessions.Hold = func() func() {
		held++
		if got := w.Calls("token"); got != 1 {
			t.Errorf("got %d calls before the program was held, want 1", got)
		}
		return func() {
			released++
			if !strings.Contains(w.files(), w.clock.Now().Format(time.RFC3339)) {
				t.Error("released before the session was kept")
			}
		}
	}
	waits := 0
	sessions.OnWait = func(reason string) func() {
		if !strings.Contains(reason, w.URL()) {
			t.Errorf("got the wait %q, want the provider in it", reason)
		}
		return func() { waits++ }
	}
	session, err := sessions.Find(w.client())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&oidc.Provider{Session: session}).Credential(t.Context()); err != nil {
		t.Fatal(err)
	}
	if held != 1 || released != 1 || waits != 1 {
		t.Errorf("got held %d times, released %d times, and %d waits; want 1 each", held, released, waits)
	}
}

// A cluster that refuses an ID token gets another one, once for all processes.
func TestReplace(t *testing.T) {
	w := newWorld(t)
	old := w.must(w.way())
	w.clock.Add(time.Minute)
	for range 3 {
		got, err := w.provider(oidc.Way{}).Replace(t.Context(), old)
		if err != nil || got.Token.Equal(old.Token) {
			t.Fatalf("got %v, the same ID token: %t; want another one", err, got.Token.Equal(old.Token))
		}
	}
	w.counts(1, 1, 1)
}
