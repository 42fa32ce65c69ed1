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

// The token is sent only to the cluster's server, however its URL is spelled.
func TestTokenGoesToTheClusterOnly(t *testing.T) {
	tests := map[string]struct {
		url, want string
	}{
		"path and query": {serverURL + "/api/v1?x=y", ""},
		"upper case":     {"https://CLUSTER.example:6443/", ""},
		"websocket":      {"wss://cluster.example:6443/", ""},
		"another host": {
			url: "https://elsewhere.example:6443/",
			want: `refusing to send the token to server "https://elsewhere.example:6443": ` +
				`the cluster's is "https://cluster.example:6443"`,
		},
		"a subdomain":          {"https://x.cluster.example:6443/", "refusing"},
		"another port":         {"https://cluster.example/", "refusing"},
		"plain http":           {"http://cluster.example:6443/", "refusing"},
		"plain WebSocket":      {"ws://cluster.example:6443/", "refusing"},
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
			refused := credential.ClassOf(err) == credential.Unsafe && strings.Contains(err.Error(), test.want)
			switch {
			case test.want == "" && (err != nil || len(f.hosts) != 1):
				t.Errorf("got the token sent to %v, %v; want one host", f.hosts, err)
			case test.want != "" && (!refused || len(f.hosts) > 0):
				t.Errorf("got the token sent to %v, %v; want error %q", f.hosts, err, test.want)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Errorf("got error %v, want none of the secret in it", err)
			}
			if got := req.Header.Get("Authorization"); got != "" {
				t.Errorf("got header %q in the caller's request, want none", got)
			}
		})
	}
}

// A name that only Go's ToLower maps to the cluster's is a different one when a client connects.
func TestTokenGoesToNoLookalike(t *testing.T) {
	f := newFakeCluster()
	f.change = func(c *credential.Credential) { c.Server = "https://id.kluster.example" }
	config, err := restconfig.New(t.Context(), &credential.Cached{Provider: f})
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{
		"https://\u0130d.kluster.example", "https://id.\u212aluster.example", "https://id.kluster\u3002example",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = config.WrapTransport(f).RoundTrip(req)
		if credential.ClassOf(err) != credential.Unsafe || len(f.hosts) > 0 {
			t.Errorf("%s: got the token sent to %v, %v; want a refusal", url, f.hosts, err)
		}
	}
}

// closing returns a body. If must is set, the body must be closed by the end of the test.
func closing(t *testing.T, must bool) *closingBody {
	b := &closingBody{Reader: strings.NewReader("")}
	t.Cleanup(func() {
		if must && !b.closed {
			t.Error("got an open body, want it closed")
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
	const want = `refusing to send the token to server "https://elsewhere.example"`
	if !strings.Contains(got, want) || f.hosts["elsewhere.example"] > 0 {
		t.Errorf("got %q with the token sent to %v, want %q", got, f.hosts, want)
	}
}

// A caller's own Authorization header is kept, and the caller gets the server's response.
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
			t.Errorf("got %q after %d mints, want %q after 1", got, f.mints, "Basic eDp5")
		}
	}
}

func TestServers(t *testing.T) {
	tests := map[string]struct {
		server, want string // want: the config's host or the error's text
	}{
		"a path":    {"https://proxy.example/k8s/clusters/1", "https://proxy.example/k8s/clusters/1"},
		"no scheme": {"cluster.example:6443", "https://cluster.example:6443"},
		"plain http": {
			server: "http://cluster.example",
			want:   `refusing to send the credential to server "http://cluster.example": it is not https`,
		},
		"loopback":  {"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
		"none":      {"", "the provider's credential can't be used: it names no server"},
		"no host":   {"https:///x", "the provider's credential can't be used: it names no server"},
		"not a URL": {"https://%zz", "the provider's credential can't be used: it names no server"},
		"not ASCII": {"https://cl\u0130ster.example", "the provider's credential can't be used: it names no server"},
		"another scheme": {
			server: "ftp://cluster.example",
			want:   `refusing to send the credential to server "ftp://cluster.example": it is not https`,
		},
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

// Copies of a config, and their clients, share one token.
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
