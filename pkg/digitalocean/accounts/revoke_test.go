package accounts_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/keyring"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
)

// answers is a transport that answers every request in the same way, and records what was asked.
type answers struct {
	status int
	body   string
	err    error
	asked  []string
}

// RoundTrip implements http.RoundTripper.
func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, r.Method+" "+r.URL.String())
	switch {
	case a.err != nil:
		return nil, a.err
	case r.Method == http.MethodGet:
		return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody, Request: r}, nil
	}
	return &http.Response{StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// A cluster token goes to the authorization server of its account, and nowhere else.
func TestWhereTokensAreRevoked(t *testing.T) {
	const digitalOcean = "https://cloud.digitalocean.com"
	w := newWorld(t)
	ring := new(keyring.Memory)
	s := w.sources()
	s.Keyring = ring
	w.login(s, "session", accounts.StorageKeyring)
	if err := s.SaveLogin(t.Context(), "token", accounts.WithToken(credential.NewSecret("dop_v1_t")), "file"); err != nil {
		t.Fatal(err)
	}
	w.doctl(w.auth.Start(sam))
	w.env["DIGITALOCEAN_TOKEN"] = "dop_v1_static"
	tests := map[string]struct {
		login, context, api string
		want                string
	}{
		"static":                     {"", "", "https://api.digitalocean.com", digitalOcean},
		"static, at a gateway":       {"", "", "https://gateway.example", digitalOcean},
		"static, on this machine":    {"", "", w.url, w.url},
		"doctl's session":            {"", "work", w.url, w.iss},
		"doctl's static token":       {"", "other", "https://api.digitalocean.com", digitalOcean},
		"a login":                    {"session", "", "https://api.digitalocean.com", w.iss},
		"a login with a token":       {"token", "", "https://api.digitalocean.com", digitalOcean},
		"a login with a token, here": {"token", "", w.url, w.url},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := s
			s.Login, s.Context = test.login, test.context
			found, err := s.Find()
			if err != nil {
				t.Fatal(err)
			}
			found.API = test.api
			transport := &answers{status: 204}
			s.Transport = transport
			r := s.Revoker()
			issuer, err := r.Find(t.Context(), found)
			if err != nil || issuer != test.want {
				t.Errorf("got %q, %v; want %q", issuer, err, test.want)
			}
			for range 2 {
				if err := r.Revoke(t.Context(), found, credential.NewSecret("k8s_v1_t")); err != nil {
					t.Error(err)
				}
			}
			revoke := "POST " + test.want + "/v1/oauth/revoke"
			want := []string{"GET " + test.want + "/.well-known/oauth-authorization-server", revoke, revoke}
			if !slices.Equal(transport.asked, want) {
				t.Errorf("got the requests %q, want %q", transport.asked, want)
			}
		})
	}

	// A login whose server isn't known isn't DigitalOcean's by default.
	ring.Fail(keyring.ErrLocked)
	s.Login = "session"
	found, err := s.Find()
	if err != nil {
		t.Fatal(err)
	}
	transport := &answers{status: 204}
	s.Transport = transport
	err = s.Revoker().Revoke(t.Context(), found, credential.NewSecret("k8s_v1_t"))
	if credential.ClassOf(err) != credential.Refused || len(transport.asked) > 0 {
		t.Errorf("got %v and the requests %q, want a refusal, and none", err, transport.asked)
	}
}

// Anything but a confirmation means that the token wasn't revoked. A server that doesn't answer isn't asked again.
func TestRevokeClusterToken(t *testing.T) {
	tests := map[string]struct {
		answer answers
		class  credential.Class
		lost   bool
		posts  int // of two
	}{
		"400":           {answers{status: 400, body: `{"error":"unsupported_token_type"}`}, credential.Refused, false, 2},
		"401":           {answers{status: 401, body: `{"id":"unauthorized"}`}, credential.Refused, false, 2},
		"404":           {answers{status: 404, body: `<html>`}, credential.Refused, false, 2},
		"422":           {answers{status: 422}, credential.Refused, false, 2},
		"200, an error": {answers{status: 200, body: `{"error":"invalid_request"}`}, credential.Refused, false, 2},
		"200, a page":   {answers{status: 200, body: `<html>`}, credential.Unusable, true, 2},
		"302":           {answers{status: 302}, credential.Unsafe, false, 2},
		"429":           {answers{status: 429}, credential.Unreachable, false, 1},
		"500":           {answers{status: 500}, credential.Unreachable, false, 2},
		"502":           {answers{status: 502}, credential.Unreachable, true, 2},
		"no answer":     {answers{err: io.ErrUnexpectedEOF}, credential.Unreachable, true, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.sources()
			s.Transport = &test.answer
			found := accounts.Static(credential.NewSecret("dop_v1_t"), "a test")
			r := s.Revoker()
			for n := range 2 {
				err := r.Revoke(t.Context(), found, credential.NewSecret("k8s_v1_t"))
				lost := test.lost && (n == 0 || test.posts == 2)
				if credential.ClassOf(err) != test.class || oauth.Lost(err) != lost {
					t.Errorf("got the class %q of %v, want %q; lost: %t, want %t",
						credential.ClassOf(err), err, test.class, oauth.Lost(err), lost)
				}
			}
			posts := 0
			for _, asked := range test.answer.asked {
				if strings.HasPrefix(asked, "POST ") {
					posts++
				}
			}
			if posts != test.posts {
				t.Errorf("got the requests %q, want %d to revoke", test.answer.asked, test.posts)
			}
		})
	}
}
