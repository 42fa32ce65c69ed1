package digitaloceantest_test

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

	"github.com/doks-auth/doks-auth/hack/openapitest"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const (
	clusterID    = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"
	staticToken  = "dop_v1_static"
	callback     = "http://127.0.0.1:54321/callback"
	verifier     = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, appendix B
	challenge    = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	registration = `{"redirect_uris":["http://127.0.0.1/callback","http://localhost/callback"],` +
		`"token_endpoint_auth_method":"none","grant_types":["authorization_code","refresh_token"],` +
		`"response_types":["code"],"client_name":"test","client_uri":"https://client.example"}`
)

func sammy() digitaloceantest.User {
	return digitaloceantest.User{
		Name: "Sammy", Email: "sammy@doks.example", UUID: "11111111-2222-4333-8444-555555555555",
		TeamUUID: "66666666-7777-4888-8999-aaaaaaaaaaaa", TeamName: "Sharks",
	}
}

// world is an API with a cluster, and its authorization server. Both have a clock of their own.
type world struct {
	t            *testing.T
	api          *digitaloceantest.API
	auth         *digitaloceantest.AuthServer
	cluster      *digitaloceantest.Cluster
	apiURL, url  string
	clockAdvance atomic.Int64
}

func newWorld(t *testing.T, change func(*world)) *world {
	t.Helper()
	w := &world{t: t, api: digitaloceantest.NewAPI(staticToken)}
	start := time.Date(2030, time.January, 2, 3, 4, 5, 0, time.UTC)
	w.api.Now = func() time.Time { return start.Add(time.Duration(w.clockAdvance.Load())) }
	cluster, err := digitaloceantest.NewCluster(clusterID)
	if err != nil {
		t.Fatal(err)
	}
	w.cluster = cluster
	w.api.AddCluster(cluster)
	w.auth = digitaloceantest.NewAuthServer(w.api, sammy())
	if change != nil {
		change(w)
	}
	for address, handler := range map[*string]http.Handler{&w.apiURL: w.api, &w.url: w.auth} {
		server := httptest.NewServer(openapitest.CheckedAnswers(t, handler))
		t.Cleanup(server.Close)
		*address = server.URL
	}
	return w
}

func (w *world) advance(d time.Duration) { w.clockAdvance.Add(int64(d)) }

// do sends a request and returns the answer's status and its JSON, if it is some.
func (w *world) do(method, address, bearer, contentType, body string) (int, map[string]any) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := http.DefaultClient.Do(request)
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
	return response.StatusCode, answer
}

func (w *world) get(path, bearer string) (int, map[string]any) {
	w.t.Helper()
	return w.do(http.MethodGet, w.apiURL+path, bearer, "", "")
}

func (w *world) post(path, bearer string, form url.Values) (int, map[string]any) {
	w.t.Helper()
	return w.do(http.MethodPost, w.url+path, bearer, "application/x-www-form-urlencoded", form.Encode())
}

func (w *world) register() (clientID string) {
	w.t.Helper()
	status, answer := w.do(http.MethodPost, w.url+"/v1/oauth/register", "", "application/json", registration)
	clientID, _ = answer["client_id"].(string)
	if status != http.StatusCreated || clientID == "" {
		w.t.Fatalf("registering: got %d %v, want 201 and a client_id", status, answer)
	}
	return clientID
}

// authorizeURL returns the address of an authorization request; changes are alternating names and values,
// and an empty value removes a parameter.
func (w *world) authorizeURL(clientID string, changes ...string) string {
	query := url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {callback}, "state": {"state-1"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"}, "scope": {"kubernetes:read account:read"},
	}
	return w.url + "/v1/oauth/authorize?" + changed(query, changes).Encode()
}

func changed(form url.Values, changes []string) url.Values {
	for i := 0; i+1 < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			form.Del(changes[i])
		}
	}
	return form
}

// approve plays the user and returns the parameters of the redirect.
func (w *world) approve(authorizeURL string) url.Values {
	w.t.Helper()
	redirect, err := digitaloceantest.Approve(http.DefaultClient, authorizeURL)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.redirected(redirect)
}

func (w *world) redirected(redirect string) url.Values {
	w.t.Helper()
	query, ok := strings.CutPrefix(redirect, callback+"?")
	if !ok {
		w.t.Fatalf("got a redirect to %q, want one to %q", redirect, callback)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		w.t.Fatal(err)
	}
	return values
}

// exchange exchanges a code; changes are as authorizeURL's.
func (w *world) exchange(clientID, code string, changes ...string) (int, map[string]any) {
	w.t.Helper()
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {clientID}, "code": {code}, "redirect_uri": {callback},
		"code_verifier": {verifier},
	}
	return w.post("/v1/oauth/token", "", changed(form, changes))
}

func (w *world) refresh(clientID, refreshToken string, changes ...string) (int, map[string]any) {
	w.t.Helper()
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {clientID}, "refresh_token": {refreshToken}}
	return w.post("/v1/oauth/token", "", changed(form, changes))
}

// wantError checks that an answer is an error in OAuth's form.
func wantError(t *testing.T, status int, answer map[string]any, wantStatus int, wantCode string) {
	t.Helper()
	if status != wantStatus || answer["error"] != wantCode || answer["error_description"] == "" {
		t.Errorf("got %d %v, want %d with the error %s and a description", status, answer, wantStatus, wantCode)
	}
}

// wantStatus checks what the API answers to a bearer.
func (w *world) wantStatus(path, bearer string, want int) {
	w.t.Helper()
	if got, answer := w.get(path, bearer); got != want {
		w.t.Errorf("GET %s: got %d %v, want %d", path, got, answer, want)
	}
}
