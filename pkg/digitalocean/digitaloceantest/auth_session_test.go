package digitaloceantest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

func TestRotation(t *testing.T) {
	w := newWorld(t, nil)
	first := w.auth.Start(sammy())
	status, answer := w.refresh(first.ClientID, first.RefreshToken)
	second, _ := answer["refresh_token"].(string)
	if status != http.StatusOK || second == first.RefreshToken || answer["scope"] != first.Scope {
		t.Fatalf("got %d %v, want new tokens with the scope %q", status, answer, first.Scope)
	}
	access, _ := answer["access_token"].(string)
	w.wantStatus("/v2/account", access, http.StatusOK)
	w.wantStatus("/v2/account", first.AccessToken, http.StatusOK) // lives on until it expires
	if w.auth.Alive(first.RefreshToken) || !w.auth.Alive(second) || !w.auth.SessionAlive(first.RefreshToken) {
		t.Error("got another refresh token alive, want the second only, in a live session")
	}
	third, err := w.auth.Refresh(second)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.auth.Refreshes(); got != 2 || !w.auth.Alive(third.RefreshToken) {
		t.Errorf("got %d refreshes, want 2 and the last token alive", got)
	}
}

func TestReuseEndsTheSession(t *testing.T) {
	w := newWorld(t, nil)
	other := w.auth.Start(sammy())
	first := w.auth.Start(sammy())
	second, err := w.auth.Refresh(first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	status, answer := w.refresh(first.ClientID, first.RefreshToken)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")
	if got := w.auth.Reuses(); got != 1 {
		t.Errorf("got %d reuses, want 1", got)
	}
	w.wantStatus("/v2/account", first.AccessToken, http.StatusUnauthorized)
	w.wantStatus("/v2/account", second.AccessToken, http.StatusUnauthorized)
	status, answer = w.refresh(second.ClientID, second.RefreshToken)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")
	if w.auth.SessionAlive(second.AccessToken) || !w.auth.SessionAlive(other.AccessToken) {
		t.Error("got the wrong sessions alive, want the reused one ended and the other one alive")
	}
	if _, err := w.auth.Refresh("dor_v1_unknown"); err == nil || !strings.HasPrefix(err.Error(), "invalid_grant") {
		t.Errorf("refreshing with an unknown token: got the error %v, want invalid_grant", err)
	}
}

func TestRefreshIsBound(t *testing.T) {
	w := newWorld(t, nil)
	grant := w.auth.Start(sammy(), digitaloceantest.ScopeClusters, digitaloceantest.ScopeAccount)
	status, answer := w.refresh(w.register(), grant.RefreshToken)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")
	status, answer = w.refresh(grant.ClientID, grant.RefreshToken, "scope", digitaloceantest.ScopeCredentials)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_scope")
	status, answer = w.refresh(grant.ClientID, grant.AccessToken)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")
	status, answer = w.refresh(grant.ClientID, grant.RefreshToken, "scope", digitaloceantest.ScopeAccount)
	if status != http.StatusOK || answer["scope"] != digitaloceantest.ScopeAccount {
		t.Fatalf("got %d %v, want the narrower scope", status, answer)
	}
	w.wantStatus("/v2/kubernetes/clusters", answer["access_token"].(string), http.StatusForbidden)
}

func TestRevoke(t *testing.T) {
	w := newWorld(t, nil)
	grant := w.auth.Start(sammy())
	revoke := func(token, bearer string) (int, map[string]any) {
		return w.post("/v1/oauth/revoke", bearer, url.Values{"token": {token}})
	}
	status, answer := revoke(grant.RefreshToken, grant.AccessToken)
	wantError(t, status, answer, http.StatusUnauthorized, "invalid_token")
	status, answer = revoke("dor_v1_unknown", "dor_v1_unknown")
	wantError(t, status, answer, http.StatusUnauthorized, "invalid_token")
	status, answer = revoke(staticToken, staticToken)
	wantError(t, status, answer, http.StatusUnauthorized, "invalid_token")

	if status, answer := revoke(grant.AccessToken, grant.AccessToken); status != http.StatusOK {
		t.Errorf("revoking an access token: got %d %v, want 200", status, answer)
	}
	w.wantStatus("/v2/account", grant.AccessToken, http.StatusUnauthorized)
	next, err := w.auth.Refresh(grant.RefreshToken)
	if err != nil {
		t.Fatalf("got %v, want a session that outlives its access token", err)
	}
	if status, answer := revoke(next.RefreshToken, next.RefreshToken); status != http.StatusOK {
		t.Errorf("revoking a refresh token: got %d %v, want 200", status, answer)
	}
	w.wantStatus("/v2/account", next.AccessToken, http.StatusUnauthorized)
	if w.auth.SessionAlive(next.RefreshToken) {
		t.Error("got a live session, want it ended by its refresh token's revocation")
	}
	if got := w.auth.Revocations(); got != 2 {
		t.Errorf("got %d revocations, want 2", got)
	}
}

func TestAccessTokenExpires(t *testing.T) {
	w := newWorld(t, func(w *world) { w.auth.AccessLifetime = time.Minute })
	grant := w.auth.Start(sammy())
	if want := w.api.Now().Add(time.Minute); !grant.ExpiresAt.Equal(want) {
		t.Errorf("got the expiry %v, want %v", grant.ExpiresAt, want)
	}
	w.advance(time.Minute - time.Nanosecond)
	w.wantStatus("/v2/account", grant.AccessToken, http.StatusOK)
	w.advance(time.Nanosecond)
	w.wantStatus("/v2/account", grant.AccessToken, http.StatusUnauthorized)
	status, answer := w.refresh(grant.ClientID, grant.RefreshToken)
	if status != http.StatusOK || answer["expires_in"] != 60.0 {
		t.Fatalf("got %d %v, want tokens for 60 seconds", status, answer)
	}
	w.wantStatus("/v2/account", answer["access_token"].(string), http.StatusOK)
	w.auth.EndSession(grant.AccessToken)
	w.wantStatus("/v2/account", answer["access_token"].(string), http.StatusUnauthorized)
}

func TestTokenFaults(t *testing.T) {
	answered := make(chan time.Time, 10)
	w := newWorld(t, func(w *world) {
		w.auth.OnAnswer = func() { answered <- w.auth.LastAnswered() }
	})
	grant := w.auth.Start(sammy())

	// Faults that ask for the answer twice refresh once.
	w.auth.SetTokenFault(digitaloceantest.Lost(digitaloceantest.Change(map[string]any{"expires_in": 5})))
	status, answer := w.refresh(grant.ClientID, grant.RefreshToken)
	if status != http.StatusOK || answer["expires_in"] != 5.0 || w.auth.Reuses() != 0 {
		t.Fatalf("got %d %v and %d reuses, want changed tokens and none", status, answer, w.auth.Reuses())
	}
	next, _ := answer["refresh_token"].(string)
	if got := <-answered; got.IsZero() {
		t.Error("got no time of the last answer, want one")
	}

	w.auth.SetTokenFault(digitaloceantest.Lost(digitaloceantest.Reset))
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {grant.ClientID}, "refresh_token": {next}}
	if response, err := http.PostForm(w.url+"/v1/oauth/token", form); err == nil {
		response.Body.Close()
		t.Errorf("got %s, want a lost answer", response.Status)
	}
	if w.auth.Alive(next) || !w.auth.SessionAlive(next) || w.auth.Refreshes() != 2 {
		t.Errorf("got %d refreshes, want 2 and a used token of a live session", w.auth.Refreshes())
	}
	if got := len(answered); got != 0 {
		t.Errorf("got %d answers sent, want none: it was lost", got)
	}

	// An error keeps its status where a fault passes it on.
	w.auth.SetTokenFault(digitaloceantest.Times(0, digitaloceantest.Reset))
	status, answer = w.refresh(grant.ClientID, next)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")
	w.auth.SetTokenFault(nil)
	w.auth.SetRegisterFault(digitaloceantest.Change(map[string]any{"client_name": "changed"}))
	w.register()
	w.auth.SetMetadataFault(digitaloceantest.Status(http.StatusNotFound))
	if status, _ := w.do(http.MethodGet, w.url+"/.well-known/oauth-authorization-server", "", "", ""); status != 404 {
		t.Errorf("got %d, want 404", status)
	}
}

func TestHangEndsWithItsClient(t *testing.T) {
	w := newWorld(t, nil) // closing the server waits for the call
	w.auth.SetTokenFault(digitaloceantest.Hang)
	client := http.Client{Timeout: 50 * time.Millisecond}
	response, err := client.PostForm(w.url+"/v1/oauth/token", url.Values{"grant_type": {"refresh_token"}})
	if err == nil {
		response.Body.Close()
		t.Errorf("got %s, want a timeout", response.Status)
	}
}
