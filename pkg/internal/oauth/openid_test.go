package oauth_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
)

const metadata = `{"issuer":"ISSUER","authorization_endpoint":"https://a.example/a",` +
	`"token_endpoint":"https://a.example/t","jwks_uri":"https://a.example/k","revocation_endpoint":"https://a.example/v",` +
	`"device_authorization_endpoint":"https://a.example/d","end_session_endpoint":"https://a.example/e",` +
	`"scopes_supported":["openid","offline_access"],"x":{"y":1}}`

// discovers serves metadata, in which ISSUER stands for the issuer, and returns the provider.
func discovers(t *testing.T, status int, body, path string) (provider oauth.OpenID, issuer string, err error) {
	t.Helper()
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		want := strings.TrimRight(path, "/") + "/.well-known/openid-configuration"
		if r.URL.Path != want || r.Method != http.MethodGet {
			t.Errorf("got %s %s, want GET %s", r.Method, r.URL.Path, want)
		}
		says(status, strings.ReplaceAll(body, "ISSUER", "http://"+r.Host+path))(w, r)
	})
	issuer = f.Issuer + path
	provider, err = f.client.DiscoverOpenID(t.Context(), issuer)
	return provider, issuer, err
}

func TestDiscoverOpenID(t *testing.T) {
	all := oauth.OpenID{
		Server: oauth.Server{
			Authorization: "https://a.example/a", Token: "https://a.example/t", Revocation: "https://a.example/v",
		},
		Keys: "https://a.example/k", Device: "https://a.example/d", EndSession: "https://a.example/e",
		Scopes: []string{"openid", "offline_access"},
	}
	tests := map[string]struct {
		replace, with, path string
		change              func(*oauth.OpenID)
	}{
		"all":            {`"x"`, `"z"`, "", nil},
		"path":           {`"x"`, `"z"`, "/tenant/1", nil},
		"trailing slash": {`"x"`, `"z"`, "/tenant/", nil},
		"no device": {
			"device_authorization_endpoint", "other", "", func(p *oauth.OpenID) { p.Device = "" },
		},
		"unsafe revocation": {
			"https://a.example/v", "http://a.example/v", "", func(p *oauth.OpenID) { p.Revocation = "" },
		},
		"odd end of session": {`"https://a.example/e"`, `["a"]`, "", func(p *oauth.OpenID) { p.EndSession = "" }},
		"loopback": {
			"https://a.example/t", "http://localhost/t", "", func(p *oauth.OpenID) { p.Token = "http://localhost/t" },
		},
		"no scopes": {"scopes_supported", "other", "", func(p *oauth.OpenID) { p.Scopes = nil }},
		"names itself": {
			`"x"`, `"authorization_response_iss_parameter_supported":true,"x"`, "",
			func(p *oauth.OpenID) { p.NamesIssuer = true },
		},
		"odd promise": {`"x"`, `"authorization_response_iss_parameter_supported":"yes","x"`, "", nil},
		"odd scopes":  {`["openid","offline_access"]`, `"openid"`, "", func(p *oauth.OpenID) { p.Scopes = nil }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			body := strings.Replace(metadata, test.replace, test.with, 1)
			if body == metadata {
				t.Fatalf("%q is not in the metadata", test.replace)
			}
			want := all
			if test.change != nil {
				test.change(&want)
			}
			got, issuer, err := discovers(t, 200, body, test.path)
			want.Issuer = issuer
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("got the error %v, and another provider than wanted (-want +got):\n%s", err, diff)
			}
		})
	}
	if !all.HasScope("offline_access") || all.HasScope("email") {
		t.Error("got other scopes than the provider's")
	}
}

// Metadata isn't advisory for a sign-in.
func TestDiscoverOpenIDFails(t *testing.T) {
	unusable := func(says string) want {
		return want{class: credential.Unusable, says: "the answer can't be used: " + says, lost: true}
	}
	otherIssuer := want{class: credential.Unsafe, says: "refusing metadata of another issuer"}
	tests := map[string]struct {
		status        int
		replace, with string // nothing to replace: all of it
		want          want
	}{
		"html":          {200, "", "<html>hunter2", unusable("it is an HTML page")},
		"empty":         {200, "", "", unusable("it is empty")},
		"list":          {200, "", "[]", unusable("it is not a JSON object")},
		"not found":     {404, "", "{}", want{says: "Not Found (status 404)"}},
		"redirect":      {302, "", "", want{class: credential.Unsafe, says: "refusing to follow a redirect"}},
		"failure":       {503, "", "", want{class: credential.Unreachable, says: "Service Unavailable (status 503)"}},
		"too large":     {200, "", `{"x":"` + strings.Repeat("x", 1<<20) + `"}`, unusable("it is too large")},
		"an error":      {200, "", `{"error":"server_error"}`, want{class: credential.Unreachable, code: "server_error"}},
		"no issuer":     {200, `"issuer"`, `"x"`, otherIssuer},
		"another":       {200, "ISSUER", "https://b.example", otherIssuer},
		"another path":  {200, "ISSUER", "ISSUER/a", otherIssuer},
		"slash":         {200, "ISSUER", "ISSUER/", otherIssuer},
		"odd issuer":    {200, "ISSUER", `\u001b[2J hunter2`, want{class: credential.Unsafe, says: "not shown"}},
		"issuer number": {200, `"ISSUER"`, "1", otherIssuer},
		"no keys":       {200, "jwks_uri", "x", unusable("it has no jwks_uri")},
		"unsafe keys":   {200, "https://a.example/k", "http://a.example/k", unusable("it has no jwks_uri")},
		"unsafe token endpoint": {
			200, "https://a.example/t", "http://a.example/t",
			unusable("it has no token_endpoint that can be used"),
		},
		"another scheme": {
			200, "https://a.example/a", "javascript:alert(1)",
			unusable("it has no authorization_endpoint that can be used"),
		},
		"long address": {
			200, "https://a.example/a", "https://a.example/" + strings.Repeat("a", 1<<10),
			unusable("it has no authorization_endpoint that can be used"),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			body := test.with
			if test.replace != "" {
				body = strings.Replace(metadata, test.replace, test.with, 1)
			}
			got, _, err := discovers(t, test.status, body, "")
			test.want.check(t, err)
			if diff := cmp.Diff(oauth.OpenID{}, got); diff != "" {
				t.Errorf("got a provider (-want +got):\n%s", diff)
			}
		})
	}
	client := &oauth.Client{HTTP: roundTripper(func(r *http.Request) (*http.Response, error) {
		t.Errorf("got a request to %s, want none", r.URL)
		return nil, http.ErrServerClosed
	})}
	for issuer, class := range map[string]credential.Class{
		"http://a.example": credential.Unsafe, "a.example": credential.Usage, "": credential.Usage,
	} {
		_, err := client.DiscoverOpenID(t.Context(), issuer)
		want{class: class, says: "discovering the OpenID provider"}.check(t, err)
	}
}

func TestKeys(t *testing.T) {
	tests := map[string]struct {
		body string
		keys int // 0: the error says
		says string
	}{
		"two":       {`{"keys":[{"kty":"RSA"},{"kty":"new"}],"x":1}`, 2, ""},
		"none":      {`{"keys":[]}`, 0, "it has no keys"},
		"null":      {`{"keys":null}`, 0, "it has no keys"},
		"absent":    {`{}`, 0, "it has no keys"},
		"an object": {`{"keys":{"kty":"RSA"}}`, 0, "it has no keys"},
		"a list":    {`[{"kty":"RSA"}]`, 0, "it is not a JSON object"},
		"html":      {`<html>hunter2`, 0, "it is an HTML page"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, says(200, test.body))
			got, err := f.client.Keys(t.Context(), oauth.OpenID{Keys: f.Issuer + "/keys"})
			if test.keys == 0 {
				want{class: credential.Unusable, says: test.says, lost: true}.check(t, err)
			}
			if len(got) != test.keys || (err == nil) != (test.keys > 0) {
				t.Errorf("got %d keys, %v; want %d", len(got), err, test.keys)
			}
		})
	}
}

// What only OpenID Connect has of a grant.
func TestGrantOfOpenID(t *testing.T) {
	date := time.Date(2026, time.July, 1, 11, 55, 0, 0, time.UTC)
	tests := map[string]struct{ token, want string }{
		"token":    {`"a.b.c"`, "a.b.c"},
		"newline":  {`"a.b.c\n"`, "a.b.c\n"}, // whoever verifies it refuses that
		"number":   {`1`, ""},
		"null":     {`null`, ""},
		"too long": {`"` + strings.Repeat("x", 17<<10) + `"`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Date", date.Format(http.TimeFormat))
				says(200, `{"access_token":"a","id_token":`+test.token+`}`)(w, r)
			})
			got, err := f.refresh(t)
			if err != nil || got.IDToken.Reveal() != test.want || !got.Date.Equal(date) {
				t.Errorf("got the ID token %q and the date %v, %v; want %q and %v",
					got.IDToken.Reveal(), got.Date, err, test.want, date)
			}
		})
	}
}

func TestRevokeFor(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		want   *want
	}{
		"ok":          {200, ``, nil},
		"no content":  {204, ``, nil},
		"JSON":        {200, `{}`, nil},
		"a page":      {200, `<html>hunter2`, &want{class: credential.Unusable, says: "it is an HTML page", lost: true}},
		"error":       {200, `{"error":"invalid_client"}`, &want{class: credential.Refused, code: "invalid_client"}},
		"unsupported": {400, `{"error":"unsupported_token_type"}`, &want{says: "rejected", code: "unsupported_token_type"}},
		"redirect":    {302, ``, &want{class: credential.Unsafe, says: "redirect"}},
		"failure":     {503, sentRefresh, &want{class: credential.Unreachable, says: "failed"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var form url.Values
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				r.ParseForm()
				if form = r.PostForm; r.URL.RawQuery != "" || r.Header.Get("Authorization") != "" {
					t.Errorf("got the query %q and a bearer, want neither", r.URL.RawQuery)
				}
				says(test.status, test.body)(w, r)
			})
			err := f.client.RevokeFor(t.Context(), f.Revocation, clientID, credential.NewSecret(sentRefresh))
			checkOutcome(t, err, test.want)
			wantForm := url.Values{"client_id": {clientID}, "token": {sentRefresh}, "token_type_hint": {"refresh_token"}}
			if diff := cmp.Diff(wantForm, form); diff != "" {
				t.Errorf("got another form than wanted (-want +got):\n%s", diff)
			}
		})
	}
}

// checkOutcome fails the test unless an error is as wanted; nil: none.
func checkOutcome(t *testing.T, err error, want *want) {
	t.Helper()
	switch {
	case want != nil:
		want.check(t, err)
	case err != nil:
		t.Errorf("got the error %v, want none", err)
	}
}

// The answer to a logout is for a browser: only its status counts.
func TestEndSession(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		want   *want
	}{
		"a page":    {200, `<html>`, nil},
		"leads on":  {302, ``, nil},
		"nothing":   {204, ``, nil},
		"bad hint":  {400, `<html>hunter2`, &want{class: credential.Unusable, says: "ending the session at"}},
		"refusal":   {403, sentRefresh, &want{class: credential.Refused, says: "Forbidden"}},
		"failure":   {500, `{}`, &want{class: credential.Unreachable, says: "failed"}},
		"not there": {404, `{"error":"no"}`, &want{says: "rejected", code: "no"}},
		"GET only":  {405, `{"error":"no"}`, &want{says: "rejected", code: "no"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var form url.Values
			isAgain := false // asked with GET
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				r.ParseForm()
				if form = r.PostForm; isAgain {
					form = r.Form
				}
				if want := map[bool]string{false: "POST", true: "GET"}[isAgain]; r.Method != want {
					t.Errorf("got %s, want %s", r.Method, want)
				}
				if r.URL.RawQuery != "" && !isAgain {
					t.Errorf("got POST with the query %q, want none", r.URL.RawQuery)
				}
				isAgain = true
				says(test.status, test.body)(w, r)
			})
			err := f.client.EndSession(t.Context(), f.Issuer+"/logout", clientID, credential.NewSecret(sentRefresh))
			checkOutcome(t, err, test.want)
			if diff := cmp.Diff(url.Values{"client_id": {clientID}, "id_token_hint": {sentRefresh}}, form); diff != "" {
				t.Errorf("got another form than wanted (-want +got):\n%s", diff)
			}
		})
	}
}
