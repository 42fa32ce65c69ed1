package kubeconfig_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// Replacing keeps names, namespaces and other clusters' entries.
func TestReplace(t *testing.T) {
	const gone, id = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"
	const before = `clusters:
- {name: a, cluster: {server: "https://GONE.k8s.ondigitalocean.com", proxy-url: "http://p"}}
- {name: kind, cluster: {server: "https://127.0.0.1:6443"}}
contexts:
- {name: prod, context: {cluster: a, user: u, namespace: web}}
- {name: kind, context: {cluster: kind, user: kind}}
- {name: mixed, context: {cluster: kind, user: u}}
current-context: prod
users:
- {name: u, user: {exec: {apiVersion: v1, command: doks-auth, args: [exec-credential, GONE]}}}
- {name: kind, user: {token: t}}
`
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(before, "GONE", gone)), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := kubeconfig.Read([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	entry := kubeconfig.Entry{
		Name: "a", ClusterID: id, Server: "https://" + id + ".k8s.ondigitalocean.com", CA: []byte("ca"),
		Exec: kubeconfig.Exec{APIVersion: "v1", Command: "doks-auth", Args: []string{"exec-credential", id}},
	}
	if err := config.Replace(gone, entry); err != nil {
		t.Fatal(err)
	}
	if cluster := config.Cluster("a"); config.IDOf(cluster) != id {
		t.Errorf("got the id %q; want %q", config.IDOf(cluster), id)
	}
	changes, err := config.Changes()
	if err != nil || len(changes) != 1 {
		t.Fatalf("got %d changes, %v; want 1", len(changes), err)
	}
	got := string(changes[0].New)
	if strings.Contains(got, gone) || strings.Contains(got, "proxy-url") {
		t.Errorf("got %s; want nothing of the old cluster", got)
	}
	lines := func(text string) (kept []string) {
		for line := range strings.Lines(text) {
			if !strings.Contains(line, "name: a,") && !strings.Contains(line, "name: u,") {
				kept = append(kept, line)
			}
		}
		return kept
	}
	if diff := cmp.Diff(lines(before), lines(got)); diff != "" {
		t.Errorf("other lines: -want, +got: %s", diff)
	}
}
