//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// newSaver returns a user with a proxy to the clusters and a kubeconfig at path, which contains an unrelated
// cluster.
func newSaver(t *testing.T) (u *user, path, before string) {
	t.Helper()
	u = newUser(t, nil)
	u.env = append(u.env, "HTTPS_PROXY="+w.proxyURL)
	path = filepath.Join(u.home, ".kube", "config")
	before = `# mine
apiVersion: v1
kind: Config
clusters:
- {name: kind, cluster: {server: "https://127.0.0.1:1"}} # at home
contexts:
- name: kind
  context: {cluster: kind, user: kind}
current-context: ""
users:
- name: kind
  user: {token: t}   # the end`
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	return u, path, before
}

// doksAuth runs one of the plugin's commands, which must succeed, and returns its output.
func (u *user) doksAuth(args ...string) string {
	u.t.Helper()
	got := run(u.t, u.env, "", append([]string{plugin()}, args...)...)
	if got.code != 0 {
		u.t.Fatalf("%v: got exit code %d, want 0: %s%s", args, got.code, got.stdout, got.stderr)
	}
	return got.stdout
}

// Saving a cluster, using it with both kubectls and doctor, and removing it restores the file byte for byte.
func TestSaveUseRemove(t *testing.T) {
	for kind, cluster := range map[string]*digitaloceantest.Cluster{"token": w.token, "certificate": w.cert} {
		for _, flags := range []string{
			"", "--shared-user", "--exec-api-version=v1beta1", "--alias=other", "--expiry-seconds=600",
		} {
			t.Run(kind+flags, func(t *testing.T) {
				u, path, before := newSaver(t)
				u.doksAuth(strings.Fields("kubeconfig save " + cluster.Name + " " + flags)...)
				for _, client := range []string{"kubectl", "kubectl-old"} {
					if got := u.mustKubectl(client, path, "", "get", "ns"); !strings.Contains(got, "kube-system") {
						t.Errorf("get ns: got %s, want kube-system in it", got)
					}
				}
				got := u.doksAuth("doctor")
				if !strings.Contains(got, "Kubernetes v") || strings.Contains(got, "failure") {
					t.Errorf("doctor: got %s, want the cluster's version and no failure", got)
				}
				u.doksAuth("kubeconfig", "remove", cluster.ID)
				after, err := os.ReadFile(path)
				if err != nil || string(after) != before {
					t.Errorf("got %v\n%s\nwant\n%s", err, after, before)
				}
				if mints := u.api.Mints(cluster.ID); mints != 1 {
					t.Errorf("got %d mints, want 1", mints)
				}
			})
		}
	}
}

// A save and a hundred kubectls cost one mint.
func TestSaveAndHundredKubectls(t *testing.T) {
	u, path, _ := newSaver(t)
	u.doksAuth("kubeconfig", "save", tokenID)
	slots := make(chan struct{}, 8)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if got := u.kubectl("kubectl", path, "", "get", "--raw", "/api"); got.code != 0 {
				t.Errorf("got exit code %d, want 0: %s", got.code, got.stderr)
			}
		})
	}
	all.Wait()
	if mints := u.api.Mints(tokenID); mints != 1 {
		t.Errorf("got %d mints, want 1", mints)
	}
}
