package oidctest_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

// redirected returns the parameters that an authentication request is redirected with.
func (w *world) redirected(address string) url.Values {
	w.t.Helper()
	response, _ := w.get(address)
	query, ok := strings.CutPrefix(response.Header.Get("Location"), w.callback+"?")
	if response.StatusCode != http.StatusFound || !ok {
		w.t.Fatalf("got %s to %q, want a redirect to %s", response.Status, response.Header.Get("Location"), w.callback)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		w.t.Fatal(err)
	}
	return values
}

func TestAuthorizeRefusals(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name    string
		changes []string
		want    string // the error; empty for a page of the provider's
	}{
		{"no client", []string{"client_id", ""}, ""},
		{"another client", []string{"client_id", "client-2"}, ""},
		{"no redirect URI", []string{"redirect_uri", ""}, ""},
		{"another path", []string{"redirect_uri", w.callback + "/"}, ""},
		{"another port", []string{"redirect_uri", "http://127.0.0.1:1/callback"}, ""},
		{"another host", []string{"redirect_uri", "https://stranger.example/callback"}, ""},
		{"no response type", []string{"response_type", ""}, "invalid_request"},
		{"implicit flow", []string{"response_type", "id_token"}, "unsupported_response_type"},
		{"fragment", []string{"response_mode", "fragment"}, "invalid_request"},
		{"no state", []string{"state", ""}, "invalid_request"},
		{"no nonce", []string{"nonce", ""}, "invalid_request"},
		{"no challenge", []string{"code_challenge", ""}, "invalid_request"},
		{"no challenge method", []string{"code_challenge_method", ""}, "invalid_request"},
		{"plain challenge", []string{"code_challenge_method", "plain"}, "invalid_request"},
		{"short challenge", []string{"code_challenge", "abc"}, "invalid_request"},
		{"no scope", []string{"scope", ""}, "invalid_scope"},
		{"no openid", []string{"scope", "email team_role"}, "invalid_scope"},
		{"unknown scope", []string{"scope", "openid groups"}, "invalid_scope"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := &world{Issuer: w.Issuer, t: t, callback: w.callback}
			address := w.authorizeURL(test.changes...)
			if test.want == "" {
				if response, _ := w.get(address); response.StatusCode != http.StatusBadRequest {
					t.Errorf("got %s, want a page with 400", response.Status)
				}
				return
			}
			got := w.redirected(address)
			if got.Get("error") != test.want || got.Get("error_description") == "" || got.Has("code") {
				t.Errorf("got %v, want the error %s and a description", got, test.want)
			}
		})
	}
	got := w.redirected(w.authorizeURL() + "&state=state-2")
	if got.Get("error") != "invalid_request" {
		t.Errorf("got %v for a repeated parameter, want the error invalid_request", got)
	}
	if response, _ := w.get(w.authorizeURL() + "&prompt=%zz"); response.StatusCode != http.StatusBadRequest {
		t.Errorf("got %s for a malformed query, want a page with 400", response.Status)
	}
}

func TestDefaultRedirect(t *testing.T) {
	w := &world{Issuer: oidctest.Start(t, clientID), t: t}
	w.callback = "http://localhost:8080/callback"
	if got := w.redirected(w.authorizeURL()); got.Get("code") == "" {
		t.Errorf("got %v, want a code", got)
	}
	tests := []struct {
		uri     string
		anyPort bool // accepted once any port is
	}{
		{"http://localhost:8081/callback", true},
		{"http://localhost/callback", true},
		{"https://localhost:8081/callback", false},
		{"http://localhost:8081/other", false},
		{"http://localhost:8081/callback?a=b", false},
		{"http://stranger.example:8080/callback", false},
	}
	for _, anyPort := range []bool{false, true} {
		if anyPort {
			w.AllowAnyPort()
		}
		for _, test := range tests {
			response, _ := w.get(w.authorizeURL("redirect_uri", test.uri))
			if got := response.StatusCode == http.StatusFound; got != (anyPort && test.anyPort) {
				t.Errorf("%s, any port %t: got %s, want it accepted: %t", test.uri, anyPort, response.Status, !got)
			}
		}
	}
}

func TestDecisions(t *testing.T) {
	w := newWorld(t)
	for _, interactive := range []bool{false, true} {
		w.SetInteractive(interactive)
		w.Refuse()
		if got := w.browse(); got.Get("error") != "access_denied" || got.Get("state") != "state-1" {
			t.Errorf("interactive %t: got %v, want the error access_denied and the state", interactive, got)
		}
		w.Accept()
		if got := w.browse(); got.Get("code") == "" {
			t.Errorf("interactive %t: got %v, want a code", interactive, got)
		}
	}
	if got := w.redirected(w.authorizeURL("prompt", "none")); got.Get("error") != "interaction_required" {
		t.Errorf("got %v, want the error interaction_required", got)
	}
}

// The page's form takes one good decision.
func TestConsentForm(t *testing.T) {
	w := newWorld(t)
	w.SetInteractive(true)
	response := w.open(w.request(t.Context(), "authorize"))
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	request := regexp.MustCompile(`name="request" value="(.+?)"`).FindSubmatch(page)
	if response.StatusCode != http.StatusOK || request == nil {
		t.Fatalf("got %s %s, want a page with a form", response.Status, page)
	}
	tests := []struct {
		request, decision string
		want              int
	}{
		{"unknown", "allow", http.StatusBadRequest},
		{string(request[1]), "", http.StatusBadRequest},
		{string(request[1]), "allow", http.StatusFound},
		{string(request[1]), "allow", http.StatusBadRequest},
	}
	for n, test := range tests {
		form := url.Values{"request": {test.request}, "decision": {test.decision}}
		if status, _ := w.post("/consent", form); status != test.want {
			t.Errorf("submission %d: got %d, want %d", n, status, test.want)
		}
	}
}

func TestRedirectWithQuery(t *testing.T) {
	w := newWorld(t)
	w.callback += "?tenant=1"
	w.SetRedirects(w.callback)
	if got := w.browse(); got.Get("tenant") != "1" || got.Get("code") == "" {
		t.Errorf("got %v, want a code and the query of the redirect URI", got)
	}
}

func TestBrowseFails(t *testing.T) {
	w := newWorld(t)
	if err := w.Browse(t.Context(), w.URL()+"/nowhere"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got the error %v, want one with 404", err)
	}
	if err := w.Browse(t.Context(), "http://127.0.0.1:1/"); err == nil {
		t.Error("got no error from a server that isn't there, want one")
	}
}

func TestScopes(t *testing.T) {
	w := newWorld(t)
	answer := w.signIn("scope", "openid")
	claims := w.claims(answer)
	if claims["email"] != nil || claims["team_role"] != nil || answer["refresh_token"] != nil {
		t.Errorf("got %v and the claims %v, want neither email nor team_role nor a refresh token", answer, claims)
	}

	w.RequireConsent()
	if answer := w.signIn(); answer["refresh_token"] != nil || answer["scope"] != "openid email team_role" {
		t.Errorf("got %v without prompt=consent, want no refresh token", answer)
	}
	refreshTokenOf(t, w.signIn("prompt", "login consent"))

	w.Without("offline_access")
	if got := w.redirected(w.authorizeURL()); got.Get("error") != "invalid_scope" {
		t.Errorf("got %v, want the error invalid_scope", got)
	}
	first := refreshTokenOf(t, w.signIn("scope", "openid email"))
	w.Without("offline_access", "refresh")
	if answer := w.signIn("scope", "openid email"); answer["refresh_token"] != nil {
		t.Errorf("got %v, want no refresh token", answer)
	}
	status, answer := w.refresh(first)
	wantError(t, status, answer, http.StatusBadRequest, "unsupported_grant_type")
	w.Without()
	refreshTokenOf(t, w.signIn("prompt", "consent"))
}
