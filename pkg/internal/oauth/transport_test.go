package oauth_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
)

// A token goes only to an address that is https, or on this machine.
func TestEndpoints(t *testing.T) {
	client := &oauth.Client{HTTP: roundTripper(func(r *http.Request) (*http.Response, error) {
		t.Errorf("got a request to %s, want none", r.URL.Host)
		return answered(granted), nil
	})}
	tests := map[string]want{
		"http://login.example/token": {
			class: credential.Unsafe,
			says:  `at "http://login.example": refusing to use an address that is not https`,
		},
		"http://127.0.0.1.login.example/":      {class: credential.Unsafe, says: "not https"},
		"":                                     {class: credential.Usage, says: "not of the form https://host/path"},
		"login.example":                        {class: credential.Usage, says: "not of the form"},
		"https://user:hunter2@login.example/":  {class: credential.Usage, says: "not of the form"},
		"https://login.example/token?hunter2":  {class: credential.Usage, says: "not of the form"},
		"https://login.example\u3002x/hunter2": {class: credential.Usage, says: "not of the form"},
	}
	for endpoint, want := range tests {
		t.Run(endpoint, func(t *testing.T) {
			secret := credential.NewSecret(sentRefresh)
			_, err := client.Refresh(t.Context(), endpoint, clientID, secret)
			want.check(t, err)
			_, err = client.Exchange(t.Context(), oauth.Server{Token: endpoint}, clientID, secret, secret, redirectURI)
			want.check(t, err)
			_, err = client.Register(t.Context(), oauth.Server{Registration: endpoint}, "doks-auth", "")
			want.check(t, err)
			want.check(t, client.Revoke(t.Context(), endpoint, secret))
		})
	}
	_, err := client.Refresh(t.Context(), "https://login.example/token", clientID, credential.Secret{})
	want{class: credential.Usage, says: "there is no refresh token"}.check(t, err)
}

// Servers elsewhere are reached through the proxy in the environment, and servers on this machine never are. net/http
// reads the environment only once, hence the second process.
func TestProxy(t *testing.T) {
	if os.Getenv("OAUTH_TEST_PROXY") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestProxy$", "-test.v")
		var asked []string
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Method+" "+r.Host)
			w.WriteHeader(http.StatusProxyAuthRequired)
		}))
		address := "http://user:hunter2@" + strings.TrimPrefix(proxy.URL, "http://")
		cmd.Env = append(os.Environ(), "OAUTH_TEST_PROXY=1", "NO_PROXY=", "no_proxy=", "REQUEST_METHOD=",
			"HTTP_PROXY="+address, "http_proxy="+address, "HTTPS_PROXY="+address, "https_proxy="+address)
		output, err := cmd.CombinedOutput()
		proxy.Close()
		if err != nil || strings.Contains(string(output), "SKIP") {
			t.Errorf("got %v, want no error:\n%s", err, output)
		}
		if got, want := strings.Join(asked, ", "), "CONNECT login.example:443"; got != want {
			t.Errorf("got the proxy asked for %q, want %q", got, want)
		}
		return
	}
	f := newFake(t, says(200, granted))
	got, err := f.refresh(t)
	checkGrant(t, got, grant(), err)
	f.Token = "https://login.example/token"
	_, err = f.refresh(t)
	want{class: credential.Unreachable, says: "through the proxy in the environment: "}.check(t, err)
}

// TLS isn't negotiated down to a certificate that nobody vouches for.
func TestUnknownCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(says(200, granted))
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	f := &fake{client: new(oauth.Client), Server: oauth.Server{Token: server.URL + "/token"}}
	_, err := f.refresh(t)
	want{class: credential.Unreachable, says: "failed to verify certificate"}.check(t, err)
}

// A caller's transport may put anything into its error.
func TestErrorOfTransport(t *testing.T) {
	f := &fake{
		Server: oauth.Server{Token: "https://login.example/token"},
		client: &oauth.Client{HTTP: roundTripper(func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			return nil, &os.PathError{Op: "hunter2", Path: string(body), Err: io.ErrNoProgress}
		})},
	}
	_, err := f.refresh(t)
	want{class: credential.Unreachable, says: "what answers is not an authorization server", lost: true}.check(t, err)
}

// Nothing listens, so the request has certainly not arrived.
func TestRefusedConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	for _, transport := range []http.RoundTripper{nil, new(http.Transport)} {
		f := &fake{client: &oauth.Client{HTTP: transport}, Server: oauth.Server{Token: "http://" + address + "/token"}}
		_, err = f.refresh(t)
		want{class: credential.Unreachable, says: "refused"}.check(t, err)
	}
}
