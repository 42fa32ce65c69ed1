package cmd_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// trusting makes the next runs those of a client with these fields in its request's cluster.
func (w *world) trusting(t *testing.T, fields map[string]any) {
	t.Helper()
	target := map[string]any{"server": "https://" + clusterID + ".k8s.ondigitalocean.com"}
	for name, value := range fields {
		target[name] = value
	}
	request, err := json.Marshal(map[string]any{
		"apiVersion": "client.authentication.k8s.io/v1", "spec": map[string]any{"cluster": target},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.request = string(request)
}

// newCluster returns the test's cluster with a new certificate authority.
func newCluster(t *testing.T) *digitaloceantest.Cluster {
	t.Helper()
	cluster, err := digitaloceantest.NewCluster(clusterID)
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

// After a cluster's authority has changed, the credential is fetched again for a client that trusts the new one.
// A client that trusts a stranger's authority costs at most one mint per ten minutes.
func TestAuthorityChanges(t *testing.T) {
	w := newWorld(t)
	old, next, foreign := w.api.Cluster(clusterID), newCluster(t), newCluster(t)
	steps := []struct {
		what  string
		ahead time.Duration
		trust *digitaloceantest.Cluster
		code  int
		mints int
	}{
		{"the first", 0, old, 0, 1},
		{"its next, early", 9 * time.Minute, next, 7, 1},
		{"its next", 11 * time.Minute, next, 0, 2},
		{"its next, cached", 12 * time.Minute, next, 0, 2},
		{"its old one, early", 12 * time.Minute, old, 7, 2},
		{"a stranger's", 22 * time.Minute, foreign, 7, 3},
		{"a stranger's, again", 22 * time.Minute, foreign, 7, 3},
		{"a stranger's, soon", 31 * time.Minute, foreign, 7, 3},
		{"its next, beside that", 31 * time.Minute, next, 0, 3},
		{"a stranger's, later", 33 * time.Minute, foreign, 7, 4},
	}
	for i, step := range steps {
		if i == 1 {
			w.api.AddCluster(next)
		}
		w.ahead = step.ahead
		w.trusting(t, map[string]any{"certificate-authority-data": step.trust.CA()})
		code, stdout, stderr := w.run("exec-credential", clusterID)
		if code != step.code || (code == 0) != strings.Contains(stdout, "k8s_v1_") {
			t.Errorf("%s: got exit code %d, %q, %q; want exit code %d and a token only with 0",
				step.what, code, stdout, stderr, step.code)
		}
		if mints := w.api.Mints(clusterID); mints != step.mints {
			t.Errorf("%s: got %d mints, want %d", step.what, mints, step.mints)
		}
	}

	w.ahead = time.Hour
	w.api.SetFault(digitaloceantest.Status(503))
	if code, stdout, stderr := w.run("exec-credential", "--timeout=1s", clusterID); code != 7 || stdout != "" {
		t.Errorf("the API is down: got exit code %d, %q, %q; want 7 and no output", code, stdout, stderr)
	}
}

// Python's client passes the authority's path as it is in the kubeconfig.
func TestAuthorityFile(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	own, foreign := w.api.Cluster(clusterID).CA(), newCluster(t).CA()
	tests := map[string]struct {
		fields map[string]any
		code   int
		says   string
	}{
		"its own":       {map[string]any{"certificate-authority": write("own", own)}, 0, ""},
		"foreign":       {map[string]any{"certificate-authority": write("foreign", foreign)}, 7, "isn't the cluster's"},
		"empty":         {map[string]any{"certificate-authority": write("empty", nil)}, 7, "it is empty"},
		"absent":        {map[string]any{"certificate-authority": filepath.Join(dir, "absent")}, 7, "can't be checked"},
		"a directory":   {map[string]any{"certificate-authority": dir}, 7, "it is not a regular file"},
		"relative":      {map[string]any{"certificate-authority": "own"}, 7, "its path is relative"},
		"data first":    {map[string]any{"certificate-authority": "own", "certificate-authority-data": own}, 0, ""},
		"an empty path": {map[string]any{"certificate-authority": ""}, 0, ""},
	}
	for name, test := range tests {
		w.trusting(t, test.fields)
		code, _, stderr := w.run("exec-credential", clusterID)
		if code != test.code || !strings.Contains(stderr, test.says) {
			t.Errorf("%s: got exit code %d, %q; want %d, %q in it", name, code, stderr, test.code, test.says)
		}
	}
}
