//go:build linux

package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// discovery is what the tests read of a provider's metadata.
type discovery struct {
	Issuer         string
	Authorization  string   `json:"authorization_endpoint"`
	Token          string   `json:"token_endpoint"`
	Revocation     string   `json:"revocation_endpoint"`
	EndSession     string   `json:"end_session_endpoint"`
	DeviceEndpoint string   `json:"device_authorization_endpoint"`
	Scopes         []string `json:"scopes_supported"`
}

// tokens is an answer of a token endpoint.
type tokens struct {
	IDToken      string `json:"id_token"`
	RefreshToken string `json:"refresh_token"`
	Error        string
}

// signInByHand signs a user in without doks-auth, and returns the tokens.
func (p *provider) signInByHand(t *testing.T, client, login string) tokens {
	t.Helper()
	arrived := make(chan url.Values, 1)
	callback := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- r.URL.Query()
		io.WriteString(w, "you may close this page")
	}))
	defer callback.Close()
	redirect := strings.Replace(callback.URL, "127.0.0.1", "localhost", 1) + "/callback"
	verifier := rand.Text() + rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	text := signInAt(browser(t), t, p.authorizeURL(t, url.Values{
		"client_id": {client}, "redirect_uri": {redirect}, "state": {"state-1"}, "nonce": {"nonce-1"},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
	}), login, allow)
	query := <-arrived
	if query.Get("state") != "state-1" || query.Get("code") == "" || !strings.Contains(text, "close") {
		t.Fatalf("got the redirect %v and the page %q, want a code", query, text)
	}
	got := p.token(t, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {client}, "code": {query.Get("code")},
		"redirect_uri": {redirect}, "code_verifier": {verifier},
	})
	if got.IDToken == "" || got.RefreshToken == "" {
		t.Fatalf("got %+v, want an ID token and a refresh token", got)
	}
	return got
}

func (p *provider) discover(t *testing.T) (d discovery) {
	t.Helper()
	p.getJSON(t, p.issuer+"/.well-known/openid-configuration", &d)
	return d
}

// authorizeURL returns the address of an authorization request.
func (p *provider) authorizeURL(t *testing.T, query url.Values) string {
	t.Helper()
	maps.Copy(query, url.Values{
		"response_type": {"code"},
		"scope":         {"openid email team_role offline_access"},
		// Without it there is no refresh token (OpenID Connect Core 1.0, section 11).
		"prompt": {"consent"},
	})
	return p.discover(t).Authorization + "?" + query.Encode()
}

// token asks the token endpoint.
func (p *provider) token(t *testing.T, form url.Values) (got tokens) {
	t.Helper()
	response, err := p.http.PostForm(p.discover(t).Token, form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatalf("the token endpoint: got %s, %v; want JSON", response.Status, err)
	}
	return got
}

func (p *provider) refreshByHand(t *testing.T, client, refreshToken string) tokens {
	t.Helper()
	return p.token(t, url.Values{
		"grant_type": {"refresh_token"}, "client_id": {client}, "refresh_token": {refreshToken},
	})
}

// claims returns the claims of an ID token.
func claims(t *testing.T, idToken string) (all map[string]any) {
	t.Helper()
	parts := strings.Split(idToken, ".")
	if len(parts) != 3 {
		t.Fatalf("got %q, want an ID token", idToken)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// The providers do what the tests of doks-auth need, and the API server accepts their ID tokens.
func TestProviders(t *testing.T) {
	for _, name := range trusted() {
		t.Run(name, func(t *testing.T) {
			p, login := w.providers[name], "by-hand@example.com"
			d := p.discover(t)
			if d.Issuer != p.issuer || d.Revocation == "" || d.EndSession == "" || d.DeviceEndpoint == "" ||
				!slices.Contains(d.Scopes, "offline_access") || !slices.Contains(d.Scopes, "team_role") {
				t.Fatalf("got metadata %+v, want all endpoints and scopes", d)
			}
			first := p.signInByHand(t, ssoClient, login)
			all := claims(t, first.IDToken)
			if all["sub"] != login || all["email"] != login || all["team_role"] == nil || all["nonce"] != "nonce-1" {
				t.Errorf("got claims %v, want the user, the email, the role and the nonce", all)
			}
			who := p.whoami(t, first.IDToken)
			if !strings.Contains(who.stdout, login) || !strings.Contains(who.stdout, ssoGroupsPrefix+"Owner") {
				t.Errorf("kubectl: got %+v, want the email and the role's group", who)
			}
			second := p.refreshByHand(t, ssoClient, first.RefreshToken)
			if second.RefreshToken == "" || second.RefreshToken == first.RefreshToken ||
				claims(t, second.IDToken)["email"] != login {
				t.Errorf("got %+v, want an ID token and another refresh token", second)
			}
			if again := p.refreshByHand(t, ssoClient, first.RefreshToken); again.Error != "invalid_grant" {
				t.Errorf("a spent refresh token: got %+v, want invalid_grant", again)
			}
			if ended := p.refreshByHand(t, ssoClient, second.RefreshToken); ended.Error != "invalid_grant" {
				t.Errorf("a session after the use of a spent refresh token: got %+v, want invalid_grant", ended)
			}

			other := p.signInByHand(t, ssoClient, login)
			form := url.Values{"client_id": {ssoClient}, "token": {other.RefreshToken}}
			response, err := p.http.PostForm(d.Revocation, form)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("revoking: got %s, want 200", response.Status)
			}
			if revoked := p.refreshByHand(t, ssoClient, other.RefreshToken); revoked.Error != "invalid_grant" {
				t.Errorf("a revoked refresh token: got %+v, want invalid_grant", revoked)
			}
			if response, err = p.http.PostForm(d.EndSession, url.Values{"id_token_hint": {other.IDToken}}); err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			want := counts{SignIns: 2, Refreshes: 1, Reuses: 1, Revocations: 1, Logouts: 1}
			if got := p.counts(t, login); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// A device's user signs in at another machine.
func TestProvidersDeviceCode(t *testing.T) {
	for _, name := range trusted() {
		t.Run(name, func(t *testing.T) {
			p, login := w.providers[name], "device-by-hand@example.com"
			response, err := p.http.PostForm(p.discover(t).DeviceEndpoint, url.Values{
				"client_id": {ssoClient}, "scope": {"openid email team_role offline_access"},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			var device struct {
				Code     string `json:"device_code"`
				Complete string `json:"verification_uri_complete"`
			}
			if err := json.NewDecoder(response.Body).Decode(&device); err != nil || device.Complete == "" {
				t.Fatalf("got %s, %+v, %v; want a device code and an address", response.Status, device, err)
			}
			form := url.Values{
				"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "client_id": {ssoClient},
				"device_code": {device.Code},
			}
			if got := p.token(t, form); got.Error != "authorization_pending" {
				t.Errorf("before the sign-in: got %+v, want authorization_pending", got)
			}
			if text := signInAt(browser(t), t, device.Complete, login, allow); !strings.Contains(text, "close") {
				t.Errorf("got page %q, want that it may be closed", text)
			}
			got := p.token(t, form)
			if got.RefreshToken == "" || claims(t, got.IDToken)["email"] != login {
				t.Errorf("got %+v, want a refresh token and an ID token for %s", got, login)
			}
		})
	}
}

// The API server refuses ID tokens of other issuers and for other audiences.
func TestForeignIDTokens(t *testing.T) {
	tests := map[string]struct{ provider, client string }{
		"another issuer":   {"stranger", ssoClient},
		"another audience": {"zitadel", ssoOtherClient},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := w.providers[test.provider]
			got := w.providers["zitadel"].whoami(t, p.signInByHand(t, test.client, "foreign@example.com").IDToken)
			if got.code == 0 || !strings.Contains(got.stderr, "Unauthorized") &&
				!strings.Contains(got.stderr, "provide credentials") {
				t.Errorf("got %+v, want a refusal", got)
			}
		})
	}
}

// whoami asks the API server whom it sees with an ID token.
func (p *provider) whoami(t *testing.T, idToken string) result {
	t.Helper()
	cluster := p.clusters[ssoClient]
	return run(t, []string{"HOME=" + t.TempDir(), "HTTPS_PROXY=" + w.proxyURL}, "", binary("kubectl"),
		"--server="+cluster.Server, "--certificate-authority="+w.write("sso-ca.crt", cluster.CA()),
		"--token="+idToken, "auth", "whoami")
}
