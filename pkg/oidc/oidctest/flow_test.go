package oidctest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

func TestSignInAndRefresh(t *testing.T) {
	w := newWorld(t)
	landed := w.browse()
	if landed.Get("state") != "state-1" || landed.Get("iss") != w.URL() {
		t.Errorf("got the redirect %v, want the state state-1 and the iss %s", landed, w.URL())
	}
	status, answer := w.exchange(landed.Get("code"))
	if status != http.StatusOK || answer["expires_in"] != 86400.0 || answer["scope"] != allScopes {
		t.Fatalf("got %d %v, want tokens for a day with the scope %q", status, answer, allScopes)
	}
	now := float64(w.now().Unix())
	want := map[string]any{
		"iss": w.URL(), "sub": "user-1", "aud": clientID, "iat": now, "exp": now + 3600, "nonce": "nonce-1",
		"email": "sammy@doks.example", "email_verified": true, "team_role": []any{"developer"},
	}
	if diff := cmp.Diff(want, w.claims(answer)); diff != "" {
		t.Errorf("got other claims (-want +got):\n%s", diff)
	}

	first := refreshTokenOf(t, answer)
	w.advance(30 * time.Minute)
	w.SetUser(oidctest.User{Subject: "user-1", Email: "new@doks.example"})
	status, answer = w.refresh(first)
	if status != http.StatusOK {
		t.Fatalf("refreshing: got %d %v, want 200", status, answer)
	}
	delete(want, "nonce")
	want["iat"], want["exp"] = now+1800, now+5400
	want["email"], want["team_role"] = "new@doks.example", []any{}
	if diff := cmp.Diff(want, w.claims(answer)); diff != "" {
		t.Errorf("got other claims after a refresh (-want +got):\n%s", diff)
	}
	second := refreshTokenOf(t, answer)
	if w.Alive(first) || !w.Alive(second) {
		t.Error("got another refresh token alive, want the second one only")
	}
	if w.SignIns() != 1 || w.Refreshes() != 1 || w.Calls("authorize") != 1 || w.Calls("token") != 2 {
		t.Errorf("got %d sign-ins, %d refreshes, %d calls of authorize and %d of token, want 1, 1, 1 and 2",
			w.SignIns(), w.Refreshes(), w.Calls("authorize"), w.Calls("token"))
	}
}

func TestIssuerWithPathAndTLS(t *testing.T) {
	i := oidctest.NewIssuer(clientID)
	server := httptest.NewTLSServer(i)
	t.Cleanup(server.Close)
	i.SetURL(server.URL + "/tenant/")
	i.SetClient(server.Client())
	callback := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(callback.Close)
	i.SetRedirects(callback.URL + "/callback")
	w := &world{Issuer: i, t: t, callback: callback.URL + "/callback"}

	for path, want := range map[string]int{
		"/tenant/.well-known/openid-configuration":  http.StatusOK,
		"/.well-known/openid-configuration":         http.StatusNotFound,
		"/tenant2/.well-known/openid-configuration": http.StatusNotFound,
	} {
		response, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("GET %s: got %d, want %d", path, response.StatusCode, want)
		}
	}
	w.SetURL(server.URL + "/tenant")
	for _, interactive := range []bool{false, true} {
		i.SetInteractive(interactive)
		if err := i.Browse(t.Context(), w.authorizeURL()); err != nil {
			t.Errorf("browsing, interactive %t: %v", interactive, err)
		}
	}
}
