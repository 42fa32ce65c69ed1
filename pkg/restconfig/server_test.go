package restconfig_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"k8s.io/client-go/rest"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/restconfig"
)

// The token goes to the cluster's server, however its URL is written, and to no other.
func TestTokenGoesToTheClusterOnly(t *testing.T) {
	tests := map[string]struct {
		url, want string
	}{
		"path and query":       {serverURL + "/api/v1?x=y", ""},
		"upper case":           {"https://CLUSTER.example:6443/", ""},
		"websocket":            {"wss://cluster.example:6443/", ""},
		"another host":         {"https://elsewhere.example:6443/", `refusing to send the token to server "https://elsewhere.example:6443": the cluster's is "https://cluster.example:6443"`},
		"a subdomain":          {"https://x.cluster.example:6443/", "refusing"},
		"another port":         {"https://cluster.example/", "refusing"},
		"in clear":             {"http://cluster.example:6443/", "refusing"},
		"in clear by ws":       {"ws://cluster.example:6443/", "refusing"},
		"as user name":         {"https://cluster.example:6443@elsewhere.example/", "refusing"},
		"with user name":       {"https://user:secret@elsewhere.example/", "refusing"},
		"nothing but the path": {"/api", "refusing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFakeCluster()
			f.respond = func(*http.Request) *http.Response { return response(200, "") }
			config, err := restconfig.New(t.Context(), &credential.Cached{Provider: f})
			if err != nil {
				t.Fatal(err)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, test.url, closing(t, test.want != ""))
			if err != nil {
				t.Fatal(err)
			}
			_, err = config.WrapTransport(f).RoundTrip(req)
			switch {
			case test.want == "" && (err != nil || len(f.hosts) != 1):
				t.Errorf("%v, %v", f.hosts, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || len(f.hosts) > 0 || credential.ClassOf(err) != credential.Unsafe):
				t.Errorf("%v, %v", f.hosts, err)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Error(err)
			}
			if req.Header.Get("Authorization") != "" {
				t.Error("the caller's request was changed")
			}
		})
	}
}

// A name that only Go takes for the cluster's is another one to whoever connects.
func TestTokenGoesToNoLookalike(t *testing.T) {
	f := newFakeCluster()
	f.change = func(c *credential.Credential) { c.Server = "https://id.kluster.example" }
	config, err := restconfig.New(t.Context(), &credential.Cached{Provider: f})
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"https://\u0130d.kluster.example", "https://id.\u212aluster.example", "https://id.kluster\u3002example"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := config.WrapTransport(f).RoundTrip(req); credential.ClassOf(err) != credential.Unsafe || len(f.hosts) > 0 {
			t.Errorf("%s: got %v, %v; want a refusal", url, f.hosts, err)
		}
	}
}

// closing returns a body that must be closed when the test is over, if must is set.
func closing(t *testing.T, must bool) *closingBody {
	b := &closingBody{Reader: strings.NewReader("")}
	t.Cleanup(func() {
		if must && !b.closed {
			t.Error("the body was not closed")
		}
	})
	return b
}

type closingBody struct {
	*strings.Reader
	closed bool
}

func (b *closingBody) Close() error {
	b.closed = true
	return nil
}

func TestRedirect(t *testing.T) {
	f := newFakeCluster()
	f.respond = func(*http.Request) *http.Response {
		r := response(http.StatusFound, "")
		r.Header.Set("Location", "https://elsewhere.example/")
		return r
	}
	client, _ := f.client(t, credential.Cached{})
	got := get(t.Context(), client)
	if !strings.Contains(got, `refusing to send the token to server "https://elsewhere.example"`) || f.hosts["elsewhere.example"] > 0 {
		t.Errorf("%s, %v", got, f.hosts)
	}
}

// A caller's own Authorization stays, and what the server says to it is the caller's.
func TestOwnAuthorization(t *testing.T) {
	f := newFakeCluster()
	client, _ := f.client(t, credential.Cached{})
	f.respond = func(req *http.Request) *http.Response { return response(401, req.Header.Get("Authorization")) }
	for _, url := range []string{serverURL, "https://elsewhere.example"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Basic eDp5")
		if got := send(client, req); got != "Basic eDp5" || f.mints != 1 {
			t.Errorf("%q, %d mints", got, f.mints)
		}
	}
}

func TestServers(t *testing.T) {
	tests := map[string]struct {
		server, want string // want: the host of the config, or the error's text
	}{
		"a path":       {"https://proxy.example/k8s/clusters/1", "https://proxy.example/k8s/clusters/1"},
		"no scheme":    {"cluster.example:6443", "https://cluster.example:6443"},
		"in clear":     {"http://cluster.example", `refusing to send the credential to server "http://cluster.example": it is not https`},
		"loopback":     {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
		"none":         {"", "the provider's credential can't be used: it names no server"},
		"no host":      {"https:///x", "the provider's credential can't be used: it names no server"},
		"not a URL":    {"https://%zz", "the provider's credential can't be used: it names no server"},
		"not ASCII":    {"https://cl\u0130ster.example", "the provider's credential can't be used: it names no server"},
		"another kind": {"ftp://cluster.example", `refusing to send the credential to server "ftp://cluster.example": it is not https`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFakeCluster()
			f.change = func(c *credential.Credential) { c.Server = test.server }
			config, err := restconfig.New(t.Context(), &credential.Cached{Provider: f})
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				got = config.Host
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Copies of a config, and clients made of them, share one token.
func TestCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		config, err := restconfig.New(t.Context(), &credential.Cached{Provider: f})
		if err != nil {
			t.Fatal(err)
		}
		config.Transport = f
		f.revoke()
		for range 3 {
			client, err := rest.HTTPClientFor(rest.AddUserAgent(rest.CopyConfig(config), "x"))
			if err != nil {
				t.Fatal(err)
			}
			expect(t, client, "token-2")
		}
	})
}
