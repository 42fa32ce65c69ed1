package oidctest_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

func TestRevoke(t *testing.T) {
	w := newWorld(t)
	answer := w.signIn()
	refreshToken, accessToken := refreshTokenOf(t, answer), answer["access_token"].(string)
	revoke := func(token string, changes ...string) (int, map[string]any) {
		return w.post("/revoke", url.Values{"client_id": {clientID}, "token": {token}}, changes...)
	}
	status, answer := revoke("")
	wantError(t, status, answer, http.StatusBadRequest, "invalid_request")
	status, answer = revoke(refreshToken, "client_id", "client-2")
	wantError(t, status, answer, http.StatusUnauthorized, "invalid_client")
	status, answer = revoke(refreshToken, "client_secret", "secret")
	wantError(t, status, answer, http.StatusUnauthorized, "invalid_client")

	tests := []struct {
		token       string
		alive       bool // the session, afterwards
		revocations int
	}{
		{"unknown", true, 0},
		{accessToken, true, 1},
		{accessToken, true, 1},
		{refreshToken, false, 2},
		{refreshToken, false, 2},
	}
	for _, test := range tests {
		if status, answer := revoke(test.token, "token_type_hint", "refresh_token"); status != http.StatusOK {
			t.Errorf("revoking %s: got %d %v, want 200", test.token, status, answer)
		}
		if w.Alive(refreshToken) != test.alive || w.Revocations() != test.revocations {
			t.Errorf("after revoking %s: got alive %t and %d revocations, want %t and %d",
				test.token, w.Alive(refreshToken), w.Revocations(), test.alive, test.revocations)
		}
	}
	status, answer = w.refresh(refreshToken)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")

	w.Without("revocation")
	if status, answer := revoke(accessToken); status != http.StatusNotFound {
		t.Errorf("got %d %v, want 404", status, answer)
	}
}

func TestLogout(t *testing.T) {
	w := newWorld(t)
	w.Without("offline_access")
	online := refreshTokenOf(t, w.signIn("scope", "openid"))
	w.Without()
	answer := w.signIn()
	offline, idToken := refreshTokenOf(t, answer), answer["id_token"].(string)
	stranger := w.IDToken(func(claims map[string]any) { claims["aud"] = "client-2" })
	foreign := w.IDToken(func(claims map[string]any) { claims["iss"] = "https://stranger.example" })
	w.advance(48 * time.Hour) // an expired ID token will do
	w.RotateKeys()            // and so will one of an old key
	tests := []struct {
		name   string
		form   url.Values
		status int
	}{
		{"no ID token", url.Values{"client_id": {clientID}}, 400},
		{"not a token", url.Values{"id_token_hint": {"unknown"}}, 400},
		{"spoilt token", url.Values{"id_token_hint": {idToken[:len(idToken)-4] + "AAAA"}}, 400},
		{"another client's token", url.Values{"id_token_hint": {stranger}}, 400},
		{"another issuer's token", url.Values{"id_token_hint": {foreign}}, 400},
		{"another client", url.Values{"id_token_hint": {idToken}, "client_id": {"client-2"}}, 400},
		{"redirect", url.Values{"id_token_hint": {idToken}, "post_logout_redirect_uri": {w.callback}}, 400},
		{"good", url.Values{"id_token_hint": {idToken}, "client_id": {clientID}}, 200},
	}
	for _, test := range tests {
		before := w.Logouts()
		if status, _ := w.post("/logout", test.form); status != test.status {
			t.Errorf("%s, by POST: got %d, want %d", test.name, status, test.status)
		}
		if response, _ := w.get(w.URL() + "/logout?" + test.form.Encode()); response.StatusCode != test.status {
			t.Errorf("%s, by GET: got %s, want %d", test.name, response.Status, test.status)
		}
		want := 0
		if test.status == http.StatusOK {
			want = 2
		} else if !w.Alive(online) {
			t.Errorf("%s: got an ended session, want it to go on", test.name)
		}
		if got := w.Logouts() - before; got != want {
			t.Errorf("%s: got %d logouts, want %d", test.name, got, want)
		}
	}
	if w.Alive(online) || !w.Alive(offline) {
		t.Error("got the wrong session alive, want the one with offline_access only")
	}
	address := w.URL() + "/logout?id_token_hint=" + idToken + "&state=%zz"
	if response, _ := w.get(address); response.StatusCode != http.StatusBadRequest {
		t.Errorf("got %s for a malformed query, want 400", response.Status)
	}
	w.Without("end_session")
	if status, _ := w.post("/logout", tests[len(tests)-1].form); status != http.StatusNotFound {
		t.Errorf("got %d, want 404", status)
	}
}
