package cmd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// A save that can't be written mints nothing.
func TestSaveForeseesConflicts(t *testing.T) {
	const foreign = `
clusters: [{name: do-fra1-mine, cluster: {server: "https://elsewhere.example"}}]
contexts: [{name: do-fra1-mine, context: {cluster: do-fra1-mine, user: me}}]
users: [{name: me, user: {token: t}}]
`
	tests := map[string]struct {
		config string
		args   []string
		code   int
		mints  int // of the cluster in the way
		saved  int // clusters
		stderr string
	}{
		"one":   {foreign, []string{"mine"}, 2, 0, 0, `cluster entry "do-fra1-mine" already exists`},
		"by id": {foreign, []string{clusterID}, 2, 0, 0, `cluster entry "do-fra1-mine" already exists`},
		"all":   {foreign, []string{"--all"}, 2, 0, 10, `cluster entry "do-fra1-mine" already exists`},
		"two of all": {`clusters:
- {name: do-fra1-mine, cluster: {server: "https://elsewhere.example"}}
- {name: do-fra1-other, cluster: {server: "https://elsewhere.example"}}
`, []string{"--all"}, 2, 0, 9, `saving 2 clusters: entries of these names already exist for others: "mine", "other"`},
		"waiting":   {foreign, []string{"mine", "--wait"}, 2, 0, 0, `cluster entry "do-fra1-mine" already exists`},
		"the alias": {foreign, []string{"other", "--alias=do-fra1-mine"}, 2, 0, 0, "already exists"},
		"the user": {"users: [{name: do-fra1-mine-admin, user: {token: t}}]\n", []string{"mine"}, 2, 0, 0,
			`user "do-fra1-mine-admin" already exists`},
		"forced":      {foreign, []string{"mine", "--force"}, 0, 1, 1, ""},
		"all, forced": {foreign, []string{"--all", "--force"}, 0, 1, 11, ""},
		"a dry run": {foreign, []string{"mine", "--dry-run"}, 2, 0, 0,
			`cluster entry "do-fra1-mine" already exists`},
		"not YAML":            {"clusters: [", []string{"--all"}, 2, 0, 0, "reading kubeconfig"},
		"a list that is none": {"contexts: 5\n", []string{"mine", "--force"}, 2, 0, 0, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.api.Cluster(clusterID).Name = "mine"
			for i := range 10 {
				cluster, err := digitaloceantest.NewCluster(fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
				if err != nil {
					t.Fatal(err)
				}
				cluster.Name = fmt.Sprint("c", i)
				if i == 9 {
					cluster.Name = "other"
				}
				w.api.AddCluster(cluster)
			}
			path := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(path, []byte(test.config), 0o600); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := w.run(append([]string{"kubeconfig", "save", "--kubeconfig=" + path}, test.args...)...)
			if code != test.code || !strings.Contains(stderr, test.stderr) {
				t.Errorf("got exit code %d, %q; want %d, %q", code, stderr, test.code, test.stderr)
			}
			if got := strings.Count(stdout, "saved context "); got != test.saved {
				t.Errorf("got %q; want %d clusters saved", stdout, test.saved)
			}
			if got := w.api.Mints(clusterID); got != test.mints {
				t.Errorf("got %d mints; want %d", got, test.mints)
			}
			if got := len(w.entries(t)); got != test.saved {
				t.Errorf("got %d cached credentials; want %d", got, test.saved)
			}
		})
	}
}

// entries returns the files of cached credentials.
func (w *world) entries(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(w.cache, "*.entry"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
