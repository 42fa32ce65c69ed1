//go:build linux

// Package e2e tests the built plugin with real kubectls and a real kube-apiserver, and breaks
// things on purpose. Use hack/e2e/run to run it.
package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const (
	accessToken = "dop_v1_e2e"
	tokenID     = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"
	certID      = "bd5f5959-5e1e-4205-a714-a914373942af"

	// fleetSize is the number of additional clusters.
	fleetSize = 19

	// certGroup is the group in the API's client certificates.
	certGroup = "k8saas:authenticated"
)

// world is shared by all tests: one real API server that acts as several clusters, one with
// client certificates and the others with tokens, each with a serving certificate from its own authority.
type world struct {
	dir         string
	token, cert *digitaloceantest.Cluster
	fleet       []*digitaloceantest.Cluster // more clusters with tokens
	sso         []*digitaloceantest.Cluster // clusters with single sign-on
	addr        string                      // of the API server
	proxyURL    string                      // a proxy that maps the clusters' names to addr
	admin       string                      // a kubeconfig

	mu   sync.Mutex
	apis []*digitaloceantest.API // the APIs whose tokens are accepted

	providers       map[string]*provider // OpenID providers, by name
	providersCA     []byte               // the authority of their certificate
	providersKeyPin string               // its public key's digest, as Chromium takes it

	etcd, apiserver *daemon
	servers         []*httptest.Server
}

var w *world

func TestMain(m *testing.M) {
	runtime.LockOSThread() // Pdeathsig kills the servers when the thread that started them ends
	if _, err := os.Stat(plugin()); err != nil || os.Getenv("E2E_BIN") == "" {
		fmt.Fprintln(os.Stderr, "use hack/e2e/run to run these tests")
		os.Exit(2)
	}
	os.Exit(runIn(m))
}

func runIn(m *testing.M) int {
	dir, err := os.MkdirTemp("", "doks-auth-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	w = &world{dir: dir}
	defer w.stop()
	if err := w.start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// accepts reports whether any API minted the token for any cluster. The API server can't
// tell which cluster a request is for.
func (w *world) accepts(token string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, api := range w.apis {
		for _, cluster := range w.clusters() {
			if api.Accepts(cluster.ID, token) {
				return true
			}
		}
	}
	return false
}

// clusters returns all clusters, the one with tokens first.
func (w *world) clusters() []*digitaloceantest.Cluster {
	return slices.Concat([]*digitaloceantest.Cluster{w.token, w.cert}, w.fleet, w.sso)
}

func (w *world) start() error {
	var err error
	if w.token, err = digitaloceantest.NewCluster(tokenID); err != nil {
		return err
	}
	if w.cert, err = digitaloceantest.NewCluster(certID); err != nil {
		return err
	}
	w.cert.Certificates = true
	for i := range fleetSize {
		cluster, err := digitaloceantest.NewCluster(fmt.Sprintf("f1ee7000-0000-4000-8000-%012x", i))
		if err != nil {
			return err
		}
		w.fleet = append(w.fleet, cluster)
	}

	if err := w.startProviders(); err != nil {
		return err
	}
	if err := w.startEtcd(); err != nil {
		return err
	}
	if err := w.startAPIServer(); err != nil {
		return err
	}
	routes := make(map[string]string)
	for _, cluster := range w.clusters() {
		routes[cluster.Host()] = w.addr
	}
	proxy := httptest.NewServer(digitaloceantest.Proxy(routes))
	w.servers = append(w.servers, proxy)
	w.proxyURL = proxy.URL
	return w.grant()
}

// stop stops everything, the API server before its storage.
func (w *world) stop() {
	w.apiserver.stop()
	w.etcd.stop()
	for _, p := range w.providers {
		p.daemon.stop()
	}
	for _, server := range w.servers {
		server.Close()
	}
}

func (w *world) startEtcd() error {
	clients, err := freeAddress()
	if err != nil {
		return err
	}
	peers, err := freeAddress()
	if err != nil {
		return err
	}
	w.etcd, err = startDaemon(w.dir, "etcd",
		"--data-dir="+filepath.Join(w.dir, "etcd"), "--unsafe-no-fsync", "--log-level=error",
		"--listen-client-urls=http://"+clients, "--advertise-client-urls=http://"+clients,
		"--listen-peer-urls=http://"+peers, "--initial-advertise-peer-urls=http://"+peers,
		"--initial-cluster=default=http://"+peers)
	if err != nil {
		return err
	}
	w.write("etcd-address", []byte("http://"+clients))
	return w.etcd.await(func() error {
		response, err := http.Get("http://" + clients + "/health")
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		return nil
	})
}

// write writes a file in the world's directory and returns its path.
func (w *world) write(name string, data []byte) string {
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		panic(err) // no test can run
	}
	return path
}

func (w *world) startAPIServer() error {
	etcd, err := os.ReadFile(filepath.Join(w.dir, "etcd-address"))
	if err != nil {
		return err
	}
	if w.addr, err = freeAddress(); err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(w.addr)
	if err != nil {
		return err
	}
	var serving []string
	for i, cluster := range w.clusters() {
		certificate, key, err := cluster.ServerCertificate()
		if err != nil {
			return err
		}
		certFile := w.write(fmt.Sprintf("server-%d.crt", i), certificate)
		keyFile := w.write(fmt.Sprintf("server-%d.key", i), key)
		serving = append(serving, "--tls-sni-cert-key="+certFile+","+keyFile)
	}
	accounts, err := w.serviceAccountKey()
	if err != nil {
		return err
	}
	webhook := httptest.NewServer(digitaloceantest.TokenReview(w.accepts))
	w.servers = append(w.servers, webhook)
	type object = map[string]any
	config, err := json.Marshal(object{
		"apiVersion": "v1", "kind": "Config", "current-context": "webhook",
		"clusters": []any{object{"name": "webhook", "cluster": object{"server": webhook.URL}}},
		"users":    []any{object{"name": "apiserver", "user": object{}}},
		"contexts": []any{object{"name": "webhook", "context": object{"cluster": "webhook", "user": "apiserver"}}},
	})
	if err != nil {
		return err
	}
	authentication, err := w.authentication()
	if err != nil {
		return err
	}
	w.apiserver, err = startDaemon(w.dir, "kube-apiserver", append(serving,
		"--authentication-config="+w.write("authentication.json", authentication),
		"--etcd-servers="+string(etcd),
		"--bind-address=127.0.0.1", "--secure-port="+port, "--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.0.0.0/24",
		"--cert-dir="+filepath.Join(w.dir, "apiserver"),
		"--tls-cert-file="+filepath.Join(w.dir, "server-0.crt"),
		"--tls-private-key-file="+filepath.Join(w.dir, "server-0.key"),
		"--client-ca-file="+w.write("clients.crt", append(w.token.CA(), w.cert.CA()...)),
		"--authentication-token-webhook-config-file="+w.write("webhook.json", config),
		"--authentication-token-webhook-version=v1", "--authentication-token-webhook-cache-ttl=0s",
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+accounts, "--service-account-signing-key-file="+accounts,
	)...)
	if err != nil {
		return err
	}
	return w.apiserver.await(w.ready)
}

// serviceAccountKey writes the key with which the API server signs service accounts' tokens.
func (w *world) serviceAccountKey() (path string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return "", err
	}
	return w.write("accounts.key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})), nil
}

// ready checks, as an administrator, whether the API server is ready.
func (w *world) ready() error {
	certificate, key, err := w.token.ClientCertificate("admin", "system:masters")
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.token.CA())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get("https://" + w.addr + "/readyz")
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	w.write("admin.crt", certificate)
	w.write("admin.key", key)
	return nil
}

// grant gives the minted identities the permissions that the tests need.
func (w *world) grant() error {
	w.admin = w.write("admin.kubeconfig", fmt.Appendf(nil, `apiVersion: v1
kind: Config
current-context: admin
clusters:
- {name: admin, cluster: {server: "https://%s", certificate-authority: %s}}
users:
- {name: admin, user: {client-certificate: %s, client-key: %s}}
contexts:
- {name: admin, context: {cluster: admin, user: admin}}
`, w.addr, w.write("ca.crt", w.token.CA()), filepath.Join(w.dir, "admin.crt"), filepath.Join(w.dir, "admin.key")))
	cmd := exec.Command(binary("kubectl"), "--kubeconfig="+w.admin, "create", "clusterrolebinding", "doks",
		"--clusterrole=cluster-admin", "--group="+digitaloceantest.TokenGroup, "--group="+certGroup,
		"--group="+ssoGroupsPrefix+"Owner")
	cmd.Env = []string{"HOME=" + w.dir}
	if out, err := cmd.CombinedOutput(); err != nil && !strings.Contains(string(out), "already exists") {
		return fmt.Errorf("granting: %w: %s", err, out)
	}
	return nil
}
