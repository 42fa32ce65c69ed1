package digitaloceantest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

func TestAuthorizationCodeFlow(t *testing.T) {
	w := newWorld(t, nil)
	_, metadata := w.do(http.MethodGet, w.url+"/.well-known/oauth-authorization-server", "", "", "")
	for name, want := range map[string]string{
		"issuer":                 w.url,
		"authorization_endpoint": w.url + "/v1/oauth/authorize",
		"token_endpoint":         w.url + "/v1/oauth/token",
		"registration_endpoint":  w.url + "/v1/oauth/register",
		"revocation_endpoint":    w.url + "/v1/oauth/revoke",
	} {
		if metadata[name] != want {
			t.Errorf("got the metadata's %s %v, want %q", name, metadata[name], want)
		}
	}
	client := w.register()
	values := w.approve(w.authorizeURL(client))
	if values.Get("state") != "state-1" || values.Get("iss") != w.url {
		t.Errorf("got the redirect %v, want the state state-1 and the iss %s", values, w.url)
	}
	status, answer := w.exchange(client, values.Get("code"))
	if status != http.StatusOK {
		t.Fatalf("got %d %v, want tokens", status, answer)
	}
	access, _ := answer["access_token"].(string)
	refresh, _ := answer["refresh_token"].(string)
	if !strings.HasPrefix(access, "doo_v1_") || !strings.HasPrefix(refresh, "dor_v1_") {
		t.Errorf("got %v, want an access token doo_v1_… and a refresh token dor_v1_…", answer)
	}
	if answer["expires_in"] != 3600.0 || answer["scope"] != "kubernetes:read account:read" {
		t.Errorf("got %v, want expires_in 3600 and the requested scope", answer)
	}
	info, _ := answer["info"].(map[string]any)
	if info["email"] != sammy().Email || info["team_uuid"] != sammy().TeamUUID {
		t.Errorf("got the info %v, want %v", info, sammy())
	}
	w.wantStatus("/v2/account", access, http.StatusOK)
	w.wantStatus("/v2/kubernetes/clusters", access, http.StatusOK)
	w.wantStatus("/v2/kubernetes/clusters/"+clusterID+"/credentials", access, http.StatusForbidden)
	if got := w.auth.Authorizations(); got != 1 {
		t.Errorf("got %d authorizations, want 1", got)
	}
	if got := w.auth.Registrations(); got != 1 {
		t.Errorf("got %d registrations, want 1", got)
	}
}

func TestAutoApproveAndDeny(t *testing.T) {
	w := newWorld(t, nil)
	redirect, err := digitaloceantest.Deny(http.DefaultClient, w.authorizeURL(w.register()))
	if err != nil {
		t.Fatal(err)
	}
	if got := w.redirected(redirect); got.Get("error") != "access_denied" || got.Get("state") != "state-1" {
		t.Errorf("got %v, want access_denied and the state", got)
	}
	w = newWorld(t, func(w *world) { w.auth.AutoApprove, w.auth.Issuer = true, "https://cloud.example" })
	got := w.approve(w.authorizeURL(w.register()))
	if got.Get("code") == "" || got.Get("iss") != "https://cloud.example" {
		t.Errorf("got %v, want a code and the configured issuer", got)
	}
}

func TestExchangeRefusals(t *testing.T) {
	tests := []struct {
		name    string
		changes []string
		want    string
	}{
		{"another verifier", []string{"code_verifier", strings.Repeat("a", 43)}, "invalid_grant"},
		{"the challenge as verifier", []string{"code_verifier", challenge}, "invalid_grant"},
		{"no verifier", []string{"code_verifier", ""}, "invalid_request"},
		{"another port", []string{"redirect_uri", "http://127.0.0.1:54322/callback"}, "invalid_grant"},
		{"no redirect URI", []string{"redirect_uri", ""}, "invalid_request"},
		{"no code", []string{"code", ""}, "invalid_request"},
		{"an unknown code", []string{"code", "x"}, "invalid_grant"},
		{"a client secret", []string{"client_secret", "x"}, "invalid_request"},
		{"no grant type", []string{"grant_type", ""}, "invalid_request"},
		{"another grant type", []string{"grant_type", "password"}, "unsupported_grant_type"},
		{"no client", []string{"client_id", ""}, "invalid_request"},
	}
	w := newWorld(t, nil)
	client := w.register()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code := w.approve(w.authorizeURL(client)).Get("code")
			status, answer := w.exchange(client, code, test.changes...)
			wantError(t, status, answer, http.StatusBadRequest, test.want)
		})
	}
	code := w.approve(w.authorizeURL(client)).Get("code")
	status, answer := w.exchange(w.register(), code)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")
	status, answer = w.exchange(client, code) // the failed attempt has used it up
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")

	code = w.approve(w.authorizeURL(client)).Get("code")
	w.advance(10 * time.Minute)
	status, answer = w.exchange(client, code)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")

	status, answer = w.do(http.MethodPost, w.url+"/v1/oauth/token", "", "application/json", "{}")
	wantError(t, status, answer, http.StatusBadRequest, "invalid_request")
}

func TestCodeReuseEndsTheSession(t *testing.T) {
	w := newWorld(t, nil)
	client := w.register()
	code := w.approve(w.authorizeURL(client)).Get("code")
	_, answer := w.exchange(client, code)
	access, _ := answer["access_token"].(string)
	refresh, _ := answer["refresh_token"].(string)
	w.wantStatus("/v2/account", access, http.StatusOK)
	status, answer := w.exchange(client, code)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_grant")
	w.wantStatus("/v2/account", access, http.StatusUnauthorized)
	if w.auth.SessionAlive(refresh) {
		t.Error("got a live session after its code was used twice, want it ended")
	}
}

func TestAuthorizeRefusals(t *testing.T) {
	w := newWorld(t, nil)
	client := w.register()
	for _, changes := range [][]string{
		{"client_id", "x"}, {"client_id", ""}, {"redirect_uri", ""},
		{"redirect_uri", "https://127.0.0.1:54321/callback"}, {"redirect_uri", "http://127.0.0.1:54321/other"},
		{"redirect_uri", "http://127.0.0.1:54321/callback?x=y"}, {"redirect_uri", "http://stranger.example/callback"},
		{"redirect_uri", "http://127.0.0.1@stranger.example/callback"}, {"redirect_uri", "http://127.0.0.2/callback"},
	} {
		redirect, err := digitaloceantest.Approve(http.DefaultClient, w.authorizeURL(client, changes...))
		if err == nil || !strings.Contains(err.Error(), "400 Bad Request") {
			t.Errorf("%v: got a redirect to %q and the error %v, want an error page", changes, redirect, err)
		}
	}
	tests := []struct {
		changes []string
		want    string
	}{
		{[]string{"response_type", "token"}, "unsupported_response_type"},
		{[]string{"response_type", ""}, "invalid_request"},
		{[]string{"state", ""}, "invalid_request"},
		{[]string{"code_challenge", ""}, "invalid_request"},
		{[]string{"code_challenge", verifier + "="}, "invalid_request"},
		{[]string{"code_challenge_method", "plain"}, "invalid_request"},
		{[]string{"code_challenge_method", ""}, "invalid_request"},
		{[]string{"scope", ""}, "invalid_scope"},
		{[]string{"scope", "everything"}, "invalid_scope"},
	}
	for _, test := range tests {
		if got := w.approve(w.authorizeURL(client, test.changes...)).Get("error"); got != test.want {
			t.Errorf("%v: got the error %q, want %q", test.changes, got, test.want)
		}
	}
	if got := w.approve(w.authorizeURL(client) + "&scope=x").Get("error"); got != "invalid_request" {
		t.Errorf("a repeated scope: got the error %q, want invalid_request", got)
	}
	values := w.approve(w.authorizeURL(client, "redirect_uri", "http://127.0.0.1:54321/callback"))
	if values.Get("code") == "" {
		t.Errorf("got %v, want a code", values)
	}
	if status, _ := w.post("/v1/oauth/authorize", "", url.Values{"request": {"x"}}); status != http.StatusBadRequest {
		t.Errorf("deciding an unknown request: got %d, want 400", status)
	}
}

func TestRegistrationIsStrict(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"a port", "http://127.0.0.1/", "http://127.0.0.1:8080/", "invalid_redirect_uri"},
		{"https", "http://localhost/", "https://localhost/", "invalid_redirect_uri"},
		{"another path", "localhost/callback", "localhost/other", "invalid_redirect_uri"},
		{"another host", "//localhost/", "//stranger.example/", "invalid_redirect_uri"},
		{"no redirect URIs", "redirect_uris", "x", "invalid_redirect_uri"},
		{"a secret", `"none"`, `"client_secret_basic"`, "invalid_client_metadata"},
		{"no authentication method", "token_endpoint_auth_method", "x", "invalid_client_metadata"},
		{"no refresh tokens", `,"refresh_token"`, "", "invalid_client_metadata"},
		{"no grant types", "grant_types", "x", "invalid_client_metadata"},
		{"implicit", `["code"]`, `["code","token"]`, "invalid_client_metadata"},
		{"no name", "client_name", "x", "invalid_client_metadata"},
		{"no address", "client_uri", "x", "invalid_client_metadata"},
		{"a path as address", "https://client.example", "/client", "invalid_client_metadata"},
		{"not JSON", "{", "", "invalid_client_metadata"},
	}
	w := newWorld(t, nil)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := strings.Replace(registration, test.old, test.new, 1)
			status, answer := w.do(http.MethodPost, w.url+"/v1/oauth/register", "", "application/json", body)
			wantError(t, status, answer, http.StatusBadRequest, test.want)
		})
	}
	status, answer := w.do(http.MethodPost, w.url+"/v1/oauth/register", "", "text/plain", registration)
	wantError(t, status, answer, http.StatusBadRequest, "invalid_client_metadata")
	if got := w.auth.Registrations(); got != 0 {
		t.Errorf("got %d registrations, want none", got)
	}
}

func TestForgottenClient(t *testing.T) {
	w := newWorld(t, nil)
	client, kept := w.register(), w.register()
	code := w.approve(w.authorizeURL(client)).Get("code")
	w.auth.Forget(client)
	status, answer := w.exchange(client, code)
	wantError(t, status, answer, http.StatusUnauthorized, "invalid_client")
	if redirect, err := digitaloceantest.Approve(http.DefaultClient, w.authorizeURL(client)); err == nil {
		t.Errorf("got a redirect to %q, want an error page", redirect)
	}
	w.approve(w.authorizeURL(kept))
	grant := w.auth.Start(sammy())
	w.auth.ForgetClients()
	status, answer = w.refresh(grant.ClientID, grant.RefreshToken)
	wantError(t, status, answer, http.StatusUnauthorized, "invalid_client")
	if !w.auth.Alive(grant.RefreshToken) {
		t.Error("got a used refresh token, want the refused refresh to leave it unused")
	}
}
