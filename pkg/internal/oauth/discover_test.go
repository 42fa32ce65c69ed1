package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
)

const wellKnown = "/.well-known/oauth-authorization-server"

// roundTripper is a transport that is a function.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func defaults(issuer string) oauth.Server {
	return oauth.Server{
		Issuer:        issuer,
		Authorization: issuer + "/v1/oauth/authorize",
		Token:         issuer + "/v1/oauth/token",
		Registration:  issuer + "/v1/oauth/register",
		Revocation:    issuer + "/v1/oauth/revoke",
	}
}

// Metadata is advisory: what can't be used of it leaves the defaults.
func TestDiscover(t *testing.T) {
	const endpoints = `"authorization_endpoint":"https://a.example/a","token_endpoint":"https://a.example/t",` +
		`"registration_endpoint":"https://a.example/r","revocation_endpoint":"https://a.example/v"`
	all := func(s *oauth.Server) {
		s.Authorization, s.Token = "https://a.example/a", "https://a.example/t"
		s.Registration, s.Revocation = "https://a.example/r", "https://a.example/v"
	}
	tests := map[string]struct {
		status int
		body   string // ISSUER stands for the issuer
		change func(*oauth.Server)
	}{
		"all":            {200, `{"issuer":"ISSUER",` + endpoints + `}`, all},
		"trailing slash": {200, `{"issuer":"ISSUER/",` + endpoints + `}`, all},
		"some": {
			200, `{"issuer":"ISSUER","token_endpoint":"https://a.example/t","revocation_endpoint":5}`,
			func(s *oauth.Server) { s.Token = "https://a.example/t" },
		},
		"loopback": {
			200, `{"issuer":"ISSUER","token_endpoint":"http://127.0.0.1:1/t"}`,
			func(s *oauth.Server) { s.Token = "http://127.0.0.1:1/t" },
		},
		"http": {
			200, `{"issuer":"ISSUER","token_endpoint":"http://a.example/t",` +
				`"revocation_endpoint":"https://a.example/v"}`,
			func(s *oauth.Server) { s.Revocation = "https://a.example/v" },
		},
		"odd endpoints": {
			200, `{"issuer":"ISSUER","token_endpoint":"","revocation_endpoint":"a.example",` +
				`"authorization_endpoint":"javascript:alert(1)","registration_endpoint":"https://u:p@a.example/"}`, nil,
		},
		"long endpoint": {
			200, `{"issuer":"ISSUER","token_endpoint":"https://a.example/` + strings.Repeat("a", 1<<10) + `"}`, nil,
		},
		"another issuer": {200, `{"issuer":"https://a.example",` + endpoints + `}`, nil},
		"prefix issuer":  {200, `{"issuer":"ISSUER.a.example",` + endpoints + `}`, nil},
		"no issuer":      {200, `{` + endpoints + `}`, nil},
		"null":           {200, `null`, nil},
		"array":          {200, `[]`, nil},
		"truncated":      {200, `{"issuer":"ISSUER",` + endpoints, nil},
		"html":           {200, `<html>`, nil},
		"empty":          {200, ``, nil},
		"too large":      {200, `{"issuer":"ISSUER",` + endpoints + `}` + strings.Repeat(" ", 1<<20), nil},
		"not found":      {404, `{"issuer":"ISSUER",` + endpoints + `}`, nil},
		"failure":        {500, `<html>`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var f *fake
			f = newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.Path != wellKnown {
					t.Errorf("got %s %s, want GET %s", r.Method, r.URL, wellKnown)
				}
				says(test.status, strings.ReplaceAll(test.body, "ISSUER", f.Issuer))(w, r)
			})
			want := defaults(f.Issuer)
			if test.change != nil {
				test.change(&want)
			}
			got, err := f.client.Discover(t.Context(), f.Issuer+"/")
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("got %v and another server than wanted (-want +got):\n%s", err, diff)
			}
		})
	}
}

// An issuer elsewhere can't have an endpoint on this machine in clear text.
func TestDiscoverOverHTTPS(t *testing.T) {
	const issuer = "https://login.example/tenant"
	client := &oauth.Client{HTTP: roundTripper(func(r *http.Request) (*http.Response, error) {
		if got, want := r.URL.String(), "https://login.example"+wellKnown+"/tenant"; got != want {
			t.Errorf("got a request for %s, want %s", got, want)
		}
		return answered(`{"issuer":"` + issuer + `","token_endpoint":"http://127.0.0.1:1/t"}`), nil
	})}
	got, err := client.Discover(t.Context(), "HTTPS://Login.Example/tenant")
	if diff := cmp.Diff(defaults(issuer), got); err != nil || diff != "" {
		t.Errorf("got %v and another server than wanted (-want +got):\n%s", err, diff)
	}
}

func TestDiscoverIssuer(t *testing.T) {
	tests := map[string]struct {
		issuer string
		want   want
	}{
		"http": {
			"http://login.example",
			want{
				class: credential.Unsafe,
				says: `discovering the authorization server at "http://login.example": ` +
					`refusing to use an address that is not https`,
			},
		},
		"other":    {"ftp://login.example", want{class: credential.Unsafe, says: "not https"}},
		"empty":    {"", want{class: credential.Usage, says: "not of the form"}},
		"bare":     {"login.example", want{class: credential.Usage, says: "not of the form"}},
		"userinfo": {"https://user:hunter2@login.example", want{class: credential.Usage, says: "not of the form"}},
		"query":    {"https://login.example?hunter2", want{class: credential.Usage, says: "not of the form"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client := &oauth.Client{HTTP: roundTripper(func(*http.Request) (*http.Response, error) {
				t.Error("got a request, want none")
				return nil, errors.New("refused")
			})}
			_, err := client.Discover(t.Context(), test.issuer)
			test.want.check(t, err)
		})
	}
}

// A server that doesn't answer leaves the defaults, after a while; the end of ctx is an error.
func TestDiscoverWithoutAnswer(t *testing.T) {
	client := &oauth.Client{HTTP: roundTripper(func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})}
	const issuer = "https://login.example"
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		got, err := client.Discover(t.Context(), issuer)
		if err != nil || got != defaults(issuer) {
			t.Errorf("got %v, %v; want the defaults", got, err)
		}
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("got an answer after %s, want one within 15 s", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := client.Discover(ctx, issuer)
		want{class: credential.Unreachable, says: "no answer within 1s", lost: true}.check(t, err)
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Discover(ctx, issuer); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it to be %v", err, context.Canceled)
	}
}
