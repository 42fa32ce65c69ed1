package accounts_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

func TestSessionIsRefreshedWhenItHasEnded(t *testing.T) {
	w := newWorld(t)
	first := w.auth.Start(sam)
	w.doctl(first)
	if got, err := w.token(); err != nil || got != first.AccessToken {
		t.Fatalf("got %q, %v; want %q", got, err, first.AccessToken)
	}
	w.clock.Add(time.Hour - 11*time.Second) // doctl goes first
	if got, err := w.token(); err != nil || got != first.AccessToken {
		t.Fatalf("11 s before the end: got %q, %v; want %q", got, err, first.AccessToken)
	}
	w.refreshed(0)
	w.clock.Add(2 * time.Second)
	got, err := w.token()
	if err != nil || got == first.AccessToken {
		t.Fatalf("9 s before the end: got %q, %v; want another token", got, err)
	}
	w.refreshed(1)
	w.shows(first)
	if again, err := w.token(); err != nil || again != got {
		t.Errorf("got %q, %v; want %q", again, err, got)
	}
	w.refreshed(1)
}

func TestIdentityOutlivesRefreshes(t *testing.T) {
	w := newWorld(t)
	grant := w.auth.Start(sam)
	w.doctl(grant)
	want := w.identity()
	calls := w.api.AccountCalls()
	if calls != 1 {
		t.Errorf("got %d calls to place the bearer, want 1", calls)
	}
	for range 3 { // by us
		w.clock.Add(2 * time.Hour)
		if _, err := w.token(); err != nil {
			t.Fatal(err)
		}
		if got := w.identity(); got != want {
			t.Error("after our refresh: got another identity, want the same")
		}
	}
	if got := w.api.AccountCalls(); got != calls {
		t.Errorf("got %d more calls to place the bearer, want none", got-calls)
	}
	for range 3 { // by doctl
		next, err := w.auth.Refresh(w.refreshToken())
		if err != nil {
			t.Fatal(err)
		}
		w.doctl(next)
		if got := w.identity(); got != want {
			t.Error("after doctl's refresh: got another identity, want the same")
		}
	}
	if got := w.auth.Reuses(); got != 0 {
		t.Errorf("got %d uses of spent refresh tokens, want none", got)
	}
}

// doctl keeps its configuration in memory while it runs, and then writes what it had read.
func TestStaleFileIsOutvotedAndMended(t *testing.T) {
	w := newWorld(t)
	first := w.auth.Start(sam)
	w.doctl(first)
	want := w.identity()
	w.clock.Add(2 * time.Hour)
	second, err := w.token()
	if err != nil {
		t.Fatal(err)
	}
	w.doctl(first) // as doctl read it before our refresh
	found := w.find()
	if got, known := found.Identity(clusterID); !known || got.Reveal() != want {
		t.Error("got another identity from a stale file, want the same")
	}
	if !found.NeedsMending() {
		t.Error("got a session that needs no mending, want one that does")
	}
	if got, err := w.token(); err != nil || got != second {
		t.Errorf("got %q, %v; want our newer %q", got, err, second)
	}
	found.Mend(t.Context())
	w.shows(first)
	w.refreshed(1)

	w.doctl(first)
	w.clock.Add(2 * time.Hour) // now both have expired
	if _, err := w.token(); err != nil {
		t.Error(err)
	}
	w.refreshed(2)
	w.shows(first)
}

func TestAnotherTeamUnderTheSameName(t *testing.T) {
	for name, expired := range map[string]bool{"live": false, "expired": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.doctl(w.auth.Start(sam))
			first := w.identity()
			w.clock.Add(2 * time.Hour)
			if _, err := w.token(); err != nil { // there is a copy of the first session now, which is newer
				t.Fatal(err)
			}
			other := w.auth.Start(samAtHome)
			if expired {
				other.ExpiresAt = w.clock.Now().Add(-time.Hour)
			}
			w.doctl(other)
			second := w.identity()
			if second == first {
				t.Error("got the identity of the other team")
			}
			if got, err := w.token(); err != nil || !w.auth.SessionAlive(got) {
				t.Errorf("got %q, %v; want a live token", got, err)
			}
			w.clock.Add(2 * time.Hour)
			if got := w.identity(); got != second {
				t.Error("after a refresh: got another identity, want the same")
			}
			w.doctl(w.auth.Start(sam))
			if got := w.identity(); got != first {
				t.Error("back in the first team: got another identity, want the first")
			}
		})
	}
}

// A session with other scopes may be refused what the other was given.
func TestScopesAreAnotherIdentity(t *testing.T) {
	w := newWorld(t)
	w.doctl(w.auth.Start(sam))
	all := w.identity()
	w.doctl(w.auth.Start(sam, "kubernetes:access_cluster", "account:read"))
	if w.identity() == all {
		t.Error("got the identity of the session with all scopes")
	}
	w.doctl(w.auth.Start(sam, "account:read", "kubernetes:access_cluster", "kubernetes:read"))
	if w.identity() != all {
		t.Error("the same scopes in another order: got another identity, want the same")
	}
}

// Without account:read, a bearer is placed for one cluster.
func TestPlacedByCluster(t *testing.T) {
	w := newWorld(t)
	scopes := []string{"kubernetes:read", "kubernetes:access_cluster"}
	w.doctl(w.auth.Start(sam, scopes...))
	first := w.identity()
	w.doctl(w.auth.Start(sam, scopes...))
	if w.identity() != first {
		t.Error("got another identity, want the same")
	}
	const other = "bd5f5959-5e1e-4205-a714-a914373942af"
	if _, known := w.find().Identity(other); known {
		t.Error("got an identity for another cluster, want none")
	}
	if identity, known := w.find().Identity(clusterID); !known || identity.Reveal() != first {
		t.Error("got no identity for the first cluster, want the same")
	}
}

// A bearer of which nothing can be found out is an account by itself, until it changes.
func TestUnplaceable(t *testing.T) {
	w := newWorld(t)
	w.doctl(w.auth.Start(sam, "kubernetes:access_cluster"))
	first := w.identity()
	if w.identity() != first {
		t.Error("got another identity, want the same")
	}
	w.clock.Add(2 * time.Hour)
	if _, err := w.token(); err != nil {
		t.Fatal(err)
	}
	if w.identity() != first {
		t.Error("after our refresh: got another identity, want the same")
	}
	w.doctl(w.auth.Start(sam, "kubernetes:access_cluster"))
	if w.identity() == first {
		t.Error("got the identity of a session that can't be told apart")
	}
}

func TestRefusedSession(t *testing.T) {
	w := newWorld(t)
	first := w.auth.Start(sam)
	w.doctl(first)
	found := w.find()
	// The API refuses a token before its time: it was revoked, or the clock is behind.
	got, err := found.Replace(t.Context(), credential.NewSecret(first.AccessToken))
	if err != nil || got.IsZero() || got.Reveal() == first.AccessToken {
		t.Fatalf("got %q, %v; want another token", got.Reveal(), err)
	}
	w.refreshed(1)
	again, err := w.find().Replace(t.Context(), credential.NewSecret(first.AccessToken))
	if err != nil || !again.Equal(got) {
		t.Errorf("got %q, %v; want %q, without a refresh", again.Reveal(), err, got.Reveal())
	}
	w.refreshed(1)

	w.auth.EndSession(w.refreshToken())
	w.clock.Add(2 * time.Hour)
	_, err = w.token()
	if credential.ClassOf(err) != credential.Refused || !strings.Contains(err.Error(), "has ended") {
		t.Errorf("got %v, want that the session has ended", err)
	}
}

// doctl may have used the refresh token at the same time, and be about to write what it got.
func TestLostRace(t *testing.T) {
	w := newWorld(t)
	first := w.auth.Start(sam)
	w.doctl(first)
	w.clock.Add(2 * time.Hour)
	next, err := w.auth.Refresh(first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	w.auth.SetTokenFault(digitaloceantest.OAuthError(400, "invalid_grant", "spent"))
	go func() {
		defer close(done)
		time.Sleep(100 * time.Millisecond) // as long as doctl takes
		w.doctl(next)
	}()
	_, err = w.token()
	<-done
	if !errors.Is(err, accounts.ErrChanged) {
		t.Errorf("got error %v, want that the session has changed", err)
	}
	if got, err := w.token(); err != nil || got != next.AccessToken {
		t.Errorf("found again: got %q, %v; want doctl's %q", got, err, next.AccessToken)
	}
}

func TestRefreshAnswers(t *testing.T) {
	for name, fault := range digitaloceantest.NamedOfAuth() {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first := w.auth.Start(sam)
			w.doctl(first)
			before := w.read()
			w.clock.Add(2 * time.Hour)
			w.auth.SetTokenFault(fault)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			token, err := w.find().Token(ctx)
			if err != nil {
				t.Log(err)
				if class := credential.ClassOf(err); class == credential.Usage || class == credential.NotFound {
					t.Errorf("got class %q", class)
				}
				if strings.Contains(err.Error(), first.RefreshToken) || strings.Contains(err.Error(), "do"+"r_v1_") {
					t.Errorf("the error shows a refresh token: %v", err)
				}
				if got := w.read(); got != before {
					t.Errorf("doctl's configuration changed:\n%s", got)
				}
				return
			}
			if token.IsZero() || token.Reveal() == first.AccessToken {
				t.Errorf("got %q, want another token", token.Reveal())
			}
			w.auth.SetTokenFault(nil)
			if got, err := w.token(); err != nil || got != token.Reveal() && w.auth.Refreshes() < 2 {
				t.Errorf("then: got %q, %v; want the same token", got, err)
			}
			if got := w.auth.Reuses(); got != 0 {
				t.Errorf("got %d uses of spent refresh tokens, want none", got)
			}
		})
	}
}

// A session without an expiry is never refreshed, as doctl has it.
func TestWithoutExpiry(t *testing.T) {
	w := newWorld(t)
	first := w.auth.Start(sam)
	w.doctl(first)
	w.write(strings.Replace(w.read(), `"`+first.ExpiresAt.UTC().Format(time.RFC3339)+`"`, `""`, 1))
	w.clock.Add(2 * time.Hour)
	if got, err := w.token(); err != nil || got != first.AccessToken {
		t.Errorf("got %q, %v; want %q", got, err, first.AccessToken)
	}
	got, err := w.find().Replace(t.Context(), credential.NewSecret(first.AccessToken))
	if err != nil || !got.IsZero() {
		t.Errorf("got %q, %v; want none", got.Reveal(), err)
	}
	w.refreshed(0)
}

func TestWithoutStateDirectory(t *testing.T) {
	w := newWorld(t)
	if err := os.WriteFile(w.home+"/state", nil, 0o600); err != nil { // a file in its place
		t.Fatal(err)
	}
	first := w.auth.Start(sam)
	w.doctl(first)
	if got := w.identity(); got != first.AccessToken {
		t.Errorf("got identity %q, want that of the bearer", got)
	}
	w.clock.Add(2 * time.Hour)
	if _, err := w.token(); err != nil {
		t.Fatal(err)
	}
	w.refreshed(1)
	w.shows(first)
}
