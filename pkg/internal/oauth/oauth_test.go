package oauth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
)

const (
	sentRefresh  = "dor_v1_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	sentCode     = "code/0123456789+abcdef=="
	sentVerifier = "verifier-0123456789-abcdefghijklmnopqrstuvw"
	redirectURI  = "http://127.0.0.1:4321/callback"
	clientID     = "client-1"
)

// fake is an authorization server that gives every request one answer.
type fake struct {
	oauth.Server
	client   *oauth.Client
	requests atomic.Int32
}

// newFake starts a server. All endpoints are its own: /token and so on.
func newFake(t *testing.T, handler http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{client: &oauth.Client{Now: now, UserAgent: "doks-auth/test"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.requests.Add(1)
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	f.Server = oauth.Server{
		Issuer:        server.URL,
		Authorization: server.URL + "/authorize",
		Token:         server.URL + "/token",
		Registration:  server.URL + "/register",
		Revocation:    server.URL + "/revoke",
	}
	return f
}

func now() time.Time { return time.Date(2026, 7, 1, 12, 0, 0, 999, time.UTC) }

func (f *fake) refresh(t *testing.T) (oauth.Grant, error) {
	t.Helper()
	return f.client.Refresh(t.Context(), f.Token, clientID, credential.NewSecret(sentRefresh))
}

func (f *fake) exchange(t *testing.T) (oauth.Grant, error) {
	t.Helper()
	return f.client.Exchange(
		t.Context(), f.Server, clientID,
		credential.NewSecret(sentCode), credential.NewSecret(sentVerifier), redirectURI)
}

// says returns a handler that answers with a status and a body.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(body, "<") {
			w.Header().Set("Content-Type", "text/html")
		}
		w.WriteHeader(status)
		w.Write([]byte(body))
	}
}

// want is what is expected of an error.
type want struct {
	class credential.Class
	says  string // part of the text
	code  string
	lost  bool
}

// check fails the test unless an error is as wanted and shows no secret.
func (w want) check(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatalf("got no error, want %q of class %q", w.says, w.class)
	}
	failed, ok := errors.AsType[*oauth.Error](err)
	if !ok {
		t.Fatalf("got %v, want one that wraps an *oauth.Error", err)
	}
	if got := credential.ClassOf(err); got != w.class {
		t.Errorf("got class %q of %v, want %q", got, err, w.class)
	}
	if !strings.Contains(err.Error(), w.says) {
		t.Errorf("got %v, want %q in it", err, w.says)
	}
	if failed.Code != w.code || failed.Lost != w.lost || oauth.Lost(err) != w.lost {
		t.Errorf("got code %q and lost %v of %v, want %q and %v", failed.Code, failed.Lost, err, w.code, w.lost)
	}
	for _, text := range []string{err.Error(), failed.Description, failed.Code} {
		checkShowsNoSecret(t, text)
	}
}

// checkShowsNoSecret fails the test if a text contains a part of what was sent, or what must not be shown of an
// answer.
func checkShowsNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{"hunter2", sentRefresh[:12], sentRefresh[20:32], sentCode[:12], sentVerifier[:12]} {
		if strings.Contains(text, secret) {
			t.Errorf("got %q, want nothing of %q", text, secret)
		}
	}
	if strings.ContainsAny(text, "\n\r\x1b") {
		t.Errorf("got %q, want one line without control characters", text)
	}
}

func TestAuthorizeURL(t *testing.T) {
	server := oauth.Server{Authorization: "https://login.example/v1/oauth/authorize"}
	// The verifier and its challenge are those of RFC 7636, appendix B.
	verifier := credential.NewSecret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
	got, err := url.Parse(server.AuthorizeURL(clientID, redirectURI, "state 1", verifier, []string{"read", "write"}))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"response_type":         {"code"},
		"client_id":             {clientID},
		"redirect_uri":          {redirectURI},
		"state":                 {"state 1"},
		"scope":                 {"read write"},
		"code_challenge":        {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
		"code_challenge_method": {"S256"},
	}
	if diff := cmp.Diff(want, got.Query()); diff != "" {
		t.Errorf("got another query than wanted (-want +got):\n%s", diff)
	}
	got.RawQuery = ""
	if got.String() != server.Authorization {
		t.Errorf("got %s, want %s", got, server.Authorization)
	}
	if a, b := oauth.NewVerifier(), oauth.NewVerifier(); a.Equal(b) || len(a.Reveal()) != 43 {
		t.Errorf("got two equal verifiers or one of %d characters, want two different ones of 43", len(a.Reveal()))
	}
}

func TestErrorHelpers(t *testing.T) {
	gone := map[string]bool{
		"invalid_client": true, "unauthorized_client": true, "invalid_redirect_uri": true,
		"invalid_grant": false, "": false,
	}
	for code, want := range gone {
		err := error(&credential.Error{Err: &oauth.Error{Code: code}})
		if got := oauth.Gone(err); got != want {
			t.Errorf("Gone of %q: got %v, want %v", code, got, want)
		}
		if got := oauth.IsCode(err, code); got != (code != "") {
			t.Errorf("IsCode of %q: got %v, want %v", code, got, code != "")
		}
		if err.Error() == "" {
			t.Errorf("%q: got no text, want one", code)
		}
	}
	if oauth.IsCode(nil, "") || oauth.IsCode(errors.New("x"), "x") || oauth.Lost(nil) || oauth.Gone(nil) {
		t.Error("got true for an error that isn't the server's, want false")
	}
}

// A sign-in ends with an error in the query of the redirect, which anybody may have written.
func TestSignInError(t *testing.T) {
	server := oauth.Server{Authorization: "https://login.example/authorize"}
	tests := map[string]struct {
		code, description string
		want              want
	}{
		"denied": {
			"access_denied", "the user said no",
			want{class: credential.Refused, says: "access_denied: the user said no", code: "access_denied"},
		},
		"unavailable": {
			"temporarily_unavailable", "",
			want{class: credential.Unreachable, says: "temporarily_unavailable", code: "temporarily_unavailable"},
		},
		"gone":    {"invalid_redirect_uri", "", want{says: "invalid_redirect_uri", code: "invalid_redirect_uri"}},
		"control": {"a\x1b[2J", "b\x1b[2J\nc", want{says: "b [2J c"}},
		"nothing": {"", "", want{says: `signing in at "https://login.example": the authorization server refused: no`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test.want.check(t, server.SignInError(test.code, test.description)) })
	}
}
