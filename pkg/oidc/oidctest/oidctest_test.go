package oidctest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

const (
	clientID    = "client-1"
	deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"
	verifier    = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, appendix B
	challenge   = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	allScopes   = "openid email team_role offline_access"
)

// world is a provider with a clock of its own, and the client's callback.
type world struct {
	*oidctest.Issuer
	t        *testing.T
	callback string
	landed   chan url.Values // what browsers brought to the callback
	advanced atomic.Int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Issuer: oidctest.Start(t, clientID), t: t, landed: make(chan url.Values, 100)}
	w.SetNow(w.now)
	callback := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		w.landed <- r.URL.Query()
	}))
	t.Cleanup(callback.Close)
	w.callback = callback.URL + "/callback"
	w.SetRedirects(w.callback)
	return w
}

func (w *world) now() time.Time {
	return time.Date(2030, time.January, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(w.advanced.Load()))
}

func (w *world) advance(d time.Duration) { w.advanced.Add(int64(d)) }

// do sends a request and returns the answer's status and its JSON, if it is some. It doesn't follow redirects.
func (w *world) do(request *http.Request) (*http.Response, map[string]any) {
	w.t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	var answer map[string]any
	json.Unmarshal(text, &answer)
	return response, answer
}

func (w *world) get(address string) (*http.Response, map[string]any) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.do(request)
}

func (w *world) post(path string, form url.Values, changes ...string) (int, map[string]any) {
	w.t.Helper()
	body := strings.NewReader(changed(form, changes).Encode())
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.URL()+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, answer := w.do(request)
	return response.StatusCode, answer
}

// changed changes parameters: changes are alternating names and values, and an empty value removes a parameter.
func changed(form url.Values, changes []string) url.Values {
	for i := 0; i+1 < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			form.Del(changes[i])
		}
	}
	return form
}

// authorizeURL returns the address of an authentication request; changes are as those of changed.
func (w *world) authorizeURL(changes ...string) string {
	query := url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {w.callback}, "scope": {allScopes},
		"state": {"state-1"}, "nonce": {"nonce-1"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	return w.URL() + "/authorize?" + changed(query, changes).Encode()
}

// browse plays the browser and returns what it brings to the callback.
func (w *world) browse(changes ...string) url.Values {
	w.t.Helper()
	if err := w.Browse(w.t.Context(), w.authorizeURL(changes...)); err != nil {
		w.t.Fatal(err)
	}
	return <-w.landed
}

// exchange exchanges a code for tokens; changes are as those of changed.
func (w *world) exchange(code string, changes ...string) (int, map[string]any) {
	w.t.Helper()
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {clientID}, "code": {code}, "redirect_uri": {w.callback},
		"code_verifier": {verifier},
	}
	return w.post("/token", form, changes...)
}

func (w *world) refresh(refreshToken string, changes ...string) (int, map[string]any) {
	w.t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {clientID}, "refresh_token": {refreshToken}}
	return w.post("/token", form, changes...)
}

// signIn signs in and returns the answer with the tokens; changes are those of the authentication request.
func (w *world) signIn(changes ...string) map[string]any {
	w.t.Helper()
	status, answer := w.exchange(w.browse(changes...).Get("code"))
	if status != http.StatusOK {
		w.t.Fatalf("signing in: got %d %v, want 200", status, answer)
	}
	return answer
}

// refreshTokenOf returns the refresh token in an answer.
func refreshTokenOf(t *testing.T, answer map[string]any) string {
	t.Helper()
	refreshToken, _ := answer["refresh_token"].(string)
	if refreshToken == "" {
		t.Fatalf("got %v, want a refresh token", answer)
	}
	return refreshToken
}

// keySet returns the provider's keys.
func (w *world) keySet() (set jose.JSONWebKeySet) {
	w.t.Helper()
	_, answer := w.get(w.URL() + "/keys")
	text, err := json.Marshal(answer)
	if err == nil {
		err = json.Unmarshal(text, &set)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return set
}

// verify returns the claims of the ID token in an answer, or an error if none of the provider's keys signed it.
func (w *world) verify(answer map[string]any) (claims map[string]any, err error) {
	w.t.Helper()
	compact, _ := answer["id_token"].(string)
	parsed, err := jwt.ParseSigned(compact, []jose.SignatureAlgorithm{jose.RS256})
	if err == nil {
		err = parsed.Claims(w.keySet(), &claims)
	}
	return claims, err
}

// claims returns the claims of the ID token in an answer.
func (w *world) claims(answer map[string]any) map[string]any {
	w.t.Helper()
	claims, err := w.verify(answer)
	if err != nil {
		w.t.Fatalf("verifying the ID token in %v: %v", answer, err)
	}
	return claims
}

// wantError checks that an answer is an error in OAuth's form.
func wantError(t *testing.T, status int, answer map[string]any, wantStatus int, wantCode string) {
	t.Helper()
	if status != wantStatus || answer["error"] != wantCode || answer["error_description"] == "" {
		t.Errorf("got %d %v, want %d with the error %s and a description", status, answer, wantStatus, wantCode)
	}
}
