//go:build linux

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// All combinations of kubectls, protocol versions, kinds of credentials and ways to identify the
// cluster work. A manifest on standard input must arrive complete.
func TestKubectl(t *testing.T) {
	clusters := map[string]*digitaloceantest.Cluster{"token": w.token, "certificate": w.cert}
	for _, client := range []string{"kubectl", "kubectl-old"} {
		for _, version := range []string{"v1", "v1beta1"} {
			for _, kind := range []string{"token", "certificate"} {
				for _, naming := range []string{"args", "extension", "host"} {
					name := fmt.Sprintf("%s,%s,%s,cluster by %s", client, version, kind, naming)
					t.Run(name, func(t *testing.T) {
						u := newUser(t, nil)
						config := u.kubeconfig(entry{cluster: clusters[kind], apiVersion: version, naming: naming})
						if client == "kubectl" {
							who := u.mustKubectl(client, config, "", "auth", "whoami")
							want := map[string]string{"token": digitaloceantest.TokenUser, "certificate": "admin"}[kind]
							if !strings.Contains(who, want) {
								t.Errorf("whoami: got %s, want %s in it", who, want)
							}
						}
						if ns := u.mustKubectl(client, config, "", "get", "ns"); !strings.Contains(ns, "kube-system") {
							t.Errorf("get ns: got %s, want kube-system in it", ns)
						}
						value := strings.Repeat("sentinel ", 20_000)
						manifest := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"manifest"},` +
							fmt.Sprintf(`"data":{"key":%q}}`, value)
						u.mustKubectl(client, config, manifest,
							"apply", "--server-side", "--force-conflicts", "-f", "-")
						got := u.mustKubectl(client, config, "",
							"get", "cm", "manifest", "-o", "jsonpath={.data.key}")
						if got != value {
							t.Errorf("got %d bytes of the manifest, want %d", len(got), len(value))
						}
						u.mustKubectl("kubectl", w.admin, "", "delete", "cm", "manifest")
						if mints := u.api.Mints(clusters[kind].ID); mints != 1 {
							t.Errorf("got %d mints, want 1", mints)
						}
					})
				}
			}
		}
	}
}

// A watch continues after the credential that opened it has expired.
func TestWatchOutlivesCredential(t *testing.T) {
	const lifetime = 5 * time.Second
	for _, kind := range []string{"token", "certificate"} {
		t.Run(kind, func(t *testing.T) {
			cluster := w.token
			if kind == "certificate" {
				cluster = w.cert
				cluster.CertificateExpiry = lifetime
				defer func() { cluster.CertificateExpiry = 0 }()
			}
			u := newUser(t, func(api *digitaloceantest.API) { api.Expiry = lifetime })
			config := u.kubeconfig(entry{cluster: cluster, apiVersion: "v1", naming: "args"})
			watch := exec.CommandContext(t.Context(),
				binary("kubectl"), "--kubeconfig="+config, "get", "cm", "--watch", "--no-headers")
			watch.Env = u.env
			stdout, err := watch.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := watch.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				watch.Process.Signal(syscall.SIGTERM)
				watch.Wait()
			}()
			events := lines(stdout)
			await := func(name string) {
				t.Helper()
				timeout := time.After(hung)
				for {
					select {
					case line, ok := <-events:
						if !ok {
							t.Fatalf("got the end of the watch, want %s first", name)
						}
						if strings.HasPrefix(line, name+" ") {
							return
						}
					case <-timeout:
						t.Fatalf("got no event after %s, want %s", hung, name)
					}
				}
			}
			change := func(name string) {
				t.Helper()
				u.mustKubectl("kubectl", w.admin, "", "create", "cm", name)
				t.Cleanup(func() {
					run(t, u.env, "", binary("kubectl"), "--kubeconfig="+w.admin, "delete", "cm", name)
				})
			}
			start := time.Now()
			change("watched-1-" + kind)
			await("watched-1-" + kind)
			for time.Since(start) < 2*lifetime { // until the credential has expired
				time.Sleep(100 * time.Millisecond)
			}
			change("watched-2-" + kind)
			await("watched-2-" + kind)
		})
	}
}

// A kubeconfig that identifies a cluster but has another server gets nothing from the plugin.
func TestForeignServerSeesNoCredential(t *testing.T) {
	for _, kind := range []string{"token", "certificate"} {
		t.Run(kind, func(t *testing.T) {
			cluster := map[string]*digitaloceantest.Cluster{"token": w.token, "certificate": w.cert}[kind]
			var requests, credentials atomic.Int32
			foreign := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				requests.Add(1)
				if r.Header.Get("Authorization") != "" || len(r.TLS.PeerCertificates) > 0 {
					credentials.Add(1)
				}
			}))
			defer foreign.Close()
			u := newUser(t, nil)
			for _, naming := range []string{"args", "extension"} {
				config := u.kubeconfig(entry{cluster: cluster, apiVersion: "v1", naming: naming, server: foreign.URL})
				got := u.kubectl("kubectl", config, "", "get", "ns")
				if got.code == 0 || !strings.Contains(got.stderr, "refusing to give the credential to server") ||
					!strings.Contains(got.stderr, "exit code 7") {
					t.Errorf("got exit code %d, want a refusal with the plugin's exit code 7: %s", got.code, got.stderr)
				}
			}
			if credentials.Load() > 0 {
				t.Errorf("got %d of %d requests with a credential, want none", credentials.Load(), requests.Load())
			}
		})
	}
}

func TestFiftyKubectlsMintOnce(t *testing.T) {
	u := newUser(t, nil)
	config := u.kubeconfig(entry{cluster: w.token, apiVersion: "v1", naming: "host"})
	var wait sync.WaitGroup
	results := make([]result, 50)
	for i := range results {
		wait.Go(func() { results[i] = u.kubectl("kubectl", config, "", "get", "ns") })
	}
	wait.Wait()
	for _, got := range results {
		if got.code != 0 {
			t.Errorf("got exit code %d, want 0: %s", got.code, got.stderr)
		}
	}
	if mints := u.api.Mints(tokenID); mints != 1 {
		t.Errorf("got %d mints, want 1", mints)
	}
}

// Once a token is revoked, a kubectl that has to look up the API's resources first succeeds with a new one; one that
// knows them fails, and the next succeeds. The version doesn't matter.
func TestRevokedToken(t *testing.T) {
	for _, kubectl := range []string{"kubectl", "kubectl-old"} {
		for _, discovery := range []string{"cold", "warm"} {
			t.Run(kubectl+"/"+discovery, func(t *testing.T) {
				u := newUser(t, nil)
				config := u.kubeconfig(entry{cluster: w.token, apiVersion: "v1", naming: "host"})
				u.mustKubectl(kubectl, config, "", "get", "ns")
				u.revoke(t)
				if discovery == "cold" {
					u.forgetDiscovery(t)
				}
				first := u.kubectl(kubectl, config, "", "get", "ns")
				said := strings.Contains(first.stderr, "Unauthorized") ||
					strings.Contains(first.stderr, "the server has asked for the client to provide credentials")
				if discovery == "cold" && first.code != 0 || discovery == "warm" && first.code != 0 && !said {
					t.Errorf("got exit code %d, want 0 or, with a warm discovery, Unauthorized: %s", first.code, first.stderr)
				}
				t.Logf("the first kubectl after the revocation: exit code %d", first.code)
				u.mustKubectl(kubectl, config, "", "get", "ns")
				if mints := u.api.Mints(tokenID); mints != 2 {
					t.Errorf("got %d mints, want 2", mints)
				}
			})
		}
	}
}

// revoke revokes the user's token, and waits until the API server has noticed: it caches a valid one for ten seconds.
func (u *user) revoke(t *testing.T) {
	t.Helper()
	token := u.token(t)
	u.api.Revoke(tokenID)
	const pause = 200 * time.Millisecond
	for end := time.Now().Add(time.Minute); w.answers(t, token) != http.StatusUnauthorized; time.Sleep(pause) {
		if time.Now().After(end) {
			t.Fatal("the API server still accepts the revoked token after a minute")
		}
	}
}

// token returns the token that the plugin gives out.
func (u *user) token(t *testing.T) string {
	t.Helper()
	got := u.plugin()
	var answer struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	if err := json.Unmarshal([]byte(got.stdout), &answer); err != nil || answer.Status.Token == "" {
		t.Fatalf("got %+v, want a token", got)
	}
	return answer.Status.Token
}

// forgetDiscovery removes what kubectl remembers of the API's resources.
func (u *user) forgetDiscovery(t *testing.T) {
	t.Helper()
	for _, name := range []string{"discovery", "http"} {
		if err := os.RemoveAll(filepath.Join(u.home, ".kube", "cache", name)); err != nil {
			t.Fatal(err)
		}
	}
}

// answers returns the status of the API server's answer to a token.
func (w *world) answers(t *testing.T, token string) int {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.token.CA())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+w.addr+"/version", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

func TestFiftyKubectlsHealOnce(t *testing.T) {
	u := newUser(t, nil)
	config := u.kubeconfig(entry{cluster: w.token, apiVersion: "v1", naming: "host"})
	u.mustKubectl("kubectl", config, "", "get", "ns")
	u.revoke(t)
	u.forgetDiscovery(t)
	var wait sync.WaitGroup
	results := make([]result, 50)
	for i := range results {
		wait.Go(func() { results[i] = u.kubectl("kubectl", config, "", "get", "ns") })
	}
	wait.Wait()
	failed := 0
	for _, got := range results {
		if got.code != 0 {
			failed++ // its discovery was warm by then, as another's had made it
		}
	}
	t.Logf("%d of 50 kubectls said Unauthorized", failed)
	u.mustKubectl("kubectl", config, "", "get", "ns")
	if mints := u.api.Mints(tokenID); mints != 2 {
		t.Errorf("got %d mints, want 2", mints)
	}
}
