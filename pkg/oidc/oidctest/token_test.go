package oidctest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestExchangeRefusals(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name    string
		changes []string
		status  int
		want    string
	}{
		{"no grant type", []string{"grant_type", ""}, 400, "invalid_request"},
		{"another grant type", []string{"grant_type", "password"}, 400, "unsupported_grant_type"},
		{"no client", []string{"client_id", ""}, 401, "invalid_client"},
		{"another client", []string{"client_id", "client-2"}, 401, "invalid_client"},
		{"a secret", []string{"client_secret", "secret"}, 401, "invalid_client"},
		{"no code", []string{"code", ""}, 400, "invalid_request"},
		{"unknown code", []string{"code", "unknown"}, 400, "invalid_grant"},
		{"no redirect URI", []string{"redirect_uri", ""}, 400, "invalid_request"},
		{"another redirect URI", []string{"redirect_uri", "http://localhost:8080/callback"}, 400, "invalid_grant"},
		{"no verifier", []string{"code_verifier", ""}, 400, "invalid_request"},
		{"another verifier", []string{"code_verifier", strings.Repeat("a", 43)}, 400, "invalid_grant"},
		{"the challenge as verifier", []string{"code_verifier", challenge}, 400, "invalid_grant"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code := w.browse().Get("code")
			status, answer := w.exchange(code, test.changes...)
			wantError(t, status, answer, test.status, test.want)
		})
	}
	if got := w.SignIns(); got != 0 {
		t.Errorf("got %d sign-ins, want none", got)
	}
}

func TestTokenRequestForm(t *testing.T) {
	w := newWorld(t)
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {clientID}, "code": {w.browse().Get("code")},
		"redirect_uri": {w.callback}, "code_verifier": {verifier},
	}.Encode()
	tests := []struct {
		name, query, contentType, authorization, body string
		status                                        int
		want                                          string
	}{
		{"JSON", "", "application/json", "", "{}", 400, "invalid_request"},
		{"parameters in the address", "?" + form, "", "", "", 400, "invalid_request"},
		{"repeated parameter", "", "", "", form + "&code=other", 400, "invalid_request"},
		// Clients that guess how to authenticate try this first. The code isn't used up by it.
		{"empty secret in a header", "", "", "Basic Y2xpZW50LTE6", form, 401, "invalid_client"},
	}
	for _, test := range tests {
		request, err := http.NewRequestWithContext(
			t.Context(), http.MethodPost, w.URL()+"/token"+test.query, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if test.contentType != "" {
			request.Header.Set("Content-Type", test.contentType)
		}
		if test.authorization != "" {
			request.Header.Set("Authorization", test.authorization)
		}
		response, answer := w.do(request)
		if response.StatusCode != test.status || answer["error"] != test.want {
			t.Errorf("%s: got %s %v, want %d with the error %s", test.name, response.Status, answer, test.status, test.want)
		}
	}
	values, err := url.ParseQuery(form)
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := w.post("/token", values); status != http.StatusOK {
		t.Errorf("got %d %v, want tokens: the code wasn't used up", status, answer)
	}
}

func TestCodesAreUsedOnce(t *testing.T) {
	w := newWorld(t)
	code := w.browse().Get("code")
	status, answer := w.exchange(code)
	if status != http.StatusOK {
		t.Fatalf("got %d %v, want tokens", status, answer)
	}
	refreshToken := refreshTokenOf(t, answer)
	status, answer = w.exchange(code)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")
	if w.Alive(refreshToken) {
		t.Error("got a live session, want it ended because its code was presented again")
	}

	code = w.browse().Get("code")
	w.exchange(code, "code_verifier", strings.Repeat("a", 43))
	status, answer = w.exchange(code)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant") // the first attempt used it up
}

func TestCodesExpire(t *testing.T) {
	w := newWorld(t)
	code := w.browse().Get("code")
	w.advance(time.Minute - time.Nanosecond)
	if status, answer := w.exchange(code); status != http.StatusOK {
		t.Errorf("got %d %v within a minute, want tokens", status, answer)
	}
	code = w.browse().Get("code")
	w.advance(time.Minute)
	status, answer := w.exchange(code)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")
}

func TestReuseEndsTheSession(t *testing.T) {
	w := newWorld(t)
	other := refreshTokenOf(t, w.signIn())
	first := refreshTokenOf(t, w.signIn())
	_, answer := w.refresh(first)
	second := refreshTokenOf(t, answer)
	status, answer := w.refresh(first)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")
	status, answer = w.refresh(second)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")
	if w.Reuses() != 1 || w.Refreshes() != 1 || !w.Alive(other) {
		t.Errorf("got %d reuses, %d refreshes and the other session alive: %t, want 1, 1 and true",
			w.Reuses(), w.Refreshes(), w.Alive(other))
	}
	w.EndSessions()
	status, answer = w.refresh(other)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")
	if !w.Alive(refreshTokenOf(t, w.signIn())) {
		t.Error("got a new session that has ended, want only the old ones ended")
	}
}

func TestRefreshRefusals(t *testing.T) {
	w := newWorld(t)
	answer := w.signIn("scope", "openid offline_access")
	refreshToken := refreshTokenOf(t, answer)
	tests := []struct {
		name    string
		changes []string
		status  int
		want    string
	}{
		{"no token", []string{"refresh_token", ""}, 400, "invalid_request"},
		{"unknown token", []string{"refresh_token", "unknown"}, 400, "invalid_grant"},
		{"access token", []string{"refresh_token", answer["access_token"].(string)}, 400, "invalid_grant"},
		{"another client", []string{"client_id", "client-2"}, 401, "invalid_client"},
		{"wider scope", []string{"scope", "openid email"}, 400, "invalid_scope"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, answer := w.refresh(refreshToken, test.changes...)
			wantError(t, status, answer, test.status, test.want)
		})
	}
	if status, answer := w.refresh(refreshToken, "scope", "openid"); status != http.StatusOK {
		t.Errorf("got %d %v, want tokens: no refusal used the refresh token up", status, answer)
	}
}

func TestLifetimesAndSkew(t *testing.T) {
	w := newWorld(t)
	w.SetLifetime(10 * time.Minute)
	w.SetAccessLifetime(30 * time.Minute)
	w.SetSkew(-5 * time.Minute)
	answer := w.signIn()
	claims, now := w.claims(answer), float64(w.now().Unix())
	if claims["iat"] != now-300 || claims["exp"] != now+300 || answer["expires_in"] != 1800.0 {
		t.Errorf("got the claims %v and expires_in %v, want iat %v, exp %v and 1800",
			claims, answer["expires_in"], now-300, now+300)
	}
	response, _ := w.get(w.URL() + "/keys")
	if got, want := response.Header.Get("Date"), "Wed, 02 Jan 2030 02:59:05 GMT"; got != want {
		t.Errorf("got the date %s, want %s", got, want)
	}
}

func TestKeysRotate(t *testing.T) {
	w := newWorld(t)
	old := map[string]any{"id_token": w.IDToken(nil)}
	w.claims(old)
	w.RotateKeys()
	if claims, err := w.verify(old); err == nil {
		t.Errorf("got the claims %v of a key that was rotated out, want an error", claims)
	}
	w.claims(w.signIn())
}

func TestIDToken(t *testing.T) {
	w := newWorld(t)
	claims := w.claims(map[string]any{"id_token": w.IDToken(func(claims map[string]any) {
		claims["sub"] = "user-2"
		delete(claims, "exp")
	})})
	if claims["sub"] != "user-2" || claims["exp"] != nil || claims["aud"] != clientID || claims["email"] == nil {
		t.Errorf("got the claims %v, want those of the user with another sub and without exp", claims)
	}
}
