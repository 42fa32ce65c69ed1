//go:build linux

package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// user is a test's user, with a DigitalOcean account and a home directory.
type user struct {
	t      *testing.T
	api    *digitaloceantest.API
	server *httptest.Server
	home   string
	env    []string
}

// newUser returns a user with an empty cache. change, if not nil, configures the API.
func newUser(t *testing.T, change func(api *digitaloceantest.API)) *user {
	t.Helper()
	api := digitaloceantest.NewAPI(accessToken)
	if change != nil {
		change(api)
	}
	for _, cluster := range w.clusters() {
		api.AddCluster(cluster)
	}
	w.mu.Lock()
	w.apis = append(w.apis, api)
	w.mu.Unlock()
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	u := &user{t: t, api: api, server: server, home: t.TempDir()}
	u.env = []string{
		"HOME=" + u.home,
		"PATH=" + os.Getenv("PATH"),
		"DIGITALOCEAN_ACCESS_TOKEN=" + accessToken,
		"DIGITALOCEAN_API_URL=" + server.URL,
	}
	return u
}

// cache returns the directory of the user's cache.
func (u *user) cache() string { return filepath.Join(u.home, ".kube", "cache", "doks-auth") }

// plugin runs the plugin for a cluster.
func (u *user) plugin(args ...string) result {
	u.t.Helper()
	return run(u.t, u.env, "", append([]string{plugin(), "exec-credential", "--api-version=v1", tokenID}, args...)...)
}

// entry describes a kubeconfig's cluster and user.
type entry struct {
	cluster    *digitaloceantest.Cluster
	apiVersion string // "v1" or "v1beta1"
	naming     string // how the cluster is identified: "args", "extension" or "host"
	args       string // more arguments, as elements of a YAML list
	server     string // "": the cluster's, through the proxy
}

// kubeconfig writes a kubeconfig. The plugin gets standard input, so a test can detect that it reads from it.
func (u *user) kubeconfig(e entry) string {
	u.t.Helper()
	command := ""
	switch e.naming {
	case "args":
		command = fmt.Sprintf("exec-credential, %s, ", e.cluster.ID)
	case "extension":
		command = "exec-credential, "
	}
	cluster := fmt.Sprintf("server: %q\n    proxy-url: %q\n    certificate-authority-data: %s",
		e.cluster.Server, w.proxyURL, base64.StdEncoding.EncodeToString(e.cluster.CA()))
	if e.server != "" {
		cluster = fmt.Sprintf("server: %q\n    insecure-skip-tls-verify: true", e.server)
	}
	if e.naming == "extension" {
		cluster += "\n    extensions:\n    - name: client.authentication.k8s.io/exec\n" +
			fmt.Sprintf("      extension: {clusterID: %s}", e.cluster.ID)
	}
	text := fmt.Sprintf(`apiVersion: v1
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
      apiVersion: client.authentication.k8s.io/%s
      command: %s
      args: [%s%s]
      provideClusterInfo: true
      interactiveMode: IfAvailable
contexts:
- {name: c, context: {cluster: c, user: u}}
`, cluster, e.apiVersion, plugin(), command, e.args)
	path := filepath.Join(u.t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		u.t.Fatal(err)
	}
	return path
}

// kubectl runs one of the kubectls with a kubeconfig.
func (u *user) kubectl(name, kubeconfig, stdin string, args ...string) result {
	u.t.Helper()
	return run(u.t, u.env, stdin, append([]string{binary(name), "--kubeconfig=" + kubeconfig}, args...)...)
}

// mustKubectl runs one of the kubectls, which must succeed, and returns its output.
func (u *user) mustKubectl(name, kubeconfig, stdin string, args ...string) string {
	u.t.Helper()
	got := u.kubectl(name, kubeconfig, stdin, args...)
	if got.code != 0 {
		u.t.Fatalf("%s %v: got exit code %d, want 0: %s", name, args, got.code, got.stderr)
	}
	return got.stdout
}
