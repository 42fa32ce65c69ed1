package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/hack/openapitest"
	"github.com/doks-auth/doks-auth/pkg/cmd"
	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
)

// world is an API with one cluster, and a cache.
type world struct {
	api     *digitaloceantest.API
	url     string
	cache   string
	ahead   time.Duration // of the real clock
	screen  bool          // standard output is a terminal
	request string        // in the environment; "" means none
	stopped context.Context
	adjust  func(*cmd.Env) // if not nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	api := digitaloceantest.NewAPI("dop_v1_test")
	cluster, err := digitaloceantest.NewCluster(clusterID)
	if err != nil {
		t.Fatal(err)
	}
	api.AddCluster(cluster)
	server := httptest.NewServer(openapitest.Checked(t, api))
	t.Cleanup(server.Close)
	return &world{api: api, url: server.URL, cache: t.TempDir(), stopped: t.Context()}
}

// run runs a command line, and returns the exit code and what was printed.
func (w *world) run(args ...string) (code int, stdout, stderr string) {
	env := map[string]string{
		"DIGITALOCEAN_ACCESS_TOKEN": "dop_v1_test",
		"DIGITALOCEAN_API_URL":      w.url,
		"DOKS_AUTH_CACHE_DIR":       w.cache,
		"KUBERNETES_EXEC_INFO":      w.request,
	}
	var out, err bytes.Buffer
	run := cmd.Env{
		Args:             args,
		Stdin:            strings.NewReader(""),
		Stdout:           &out,
		Stderr:           &err,
		StdinIsTerminal:  func() bool { return false },
		StdoutIsTerminal: func() bool { return w.screen },
		Getenv:           func(name string) string { return env[name] },
		Now:              func() time.Time { return time.Now().Add(w.ahead) },
		Executable:       func() (string, error) { return "/usr/local/bin/doks-auth", nil },
	}
	if w.adjust != nil {
		w.adjust(&run)
	}
	code = cmd.Run(w.stopped, run)
	return code, out.String(), err.String()
}

// mustRun runs a command line that must succeed, and returns what it printed.
func (w *world) mustRun(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := w.run(args...)
	if code != 0 {
		t.Fatalf("%q: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

// lock takes the lock of the cluster's entry.
func (w *world) lock(t *testing.T) (unlock func()) {
	t.Helper()
	token := credential.NewSecret("dop_v1_test")
	unlock, err := cachedir.Open(w.cache, token).Lock(t.Context(), credential.Key{
		APIURL: w.url, ClusterID: clusterID, Auth: "access-token", Identity: credential.Identity(token),
	})
	if err != nil {
		t.Fatal(err)
	}
	return unlock
}

// An entry's state over time, whether --expired clears it, and whether it counts as cached.
func TestCacheStates(t *testing.T) {
	const lifetime = digitaloceantest.DefaultExpiry
	tests := map[string]struct {
		ahead                time.Duration
		state, reason, shown string
		cached, expired      bool
	}{
		"fresh":         {0, "fresh", "", "6d23h        fresh", true, false},
		"fresh at last": {lifetime - 6*time.Minute, "fresh", "", "fresh", true, false},
		"due":           {lifetime - 3*time.Minute, "due-for-renewal", "", "due-for-renewal", true, false},
		"expired":       {lifetime + time.Second, "expired", "", "-            expired", false, true},
		"fetched in the future": {-time.Hour, "unusable", "fetched in the future",
			"-            unusable: fetched in the future", false, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.mustRun(t, "credentials", clusterID)
			w.ahead = test.ahead
			var entries []struct {
				State, Reason string
				From          []string `json:"access_token_from"`
			}
			if err := json.Unmarshal([]byte(w.mustRun(t, "cache", "list", "-o", "json")), &entries); err != nil {
				t.Fatal(err)
			}
			if len(entries) != 1 || entries[0].State != test.state || entries[0].Reason != test.reason ||
				len(entries[0].From) != 1 {
				t.Errorf("got %+v; want one entry, %s %q, with one access token", entries, test.state, test.reason)
			}
			if table := w.mustRun(t, "cache", "list"); !strings.HasSuffix(table, test.shown+"\n") {
				t.Errorf("got %s; want %q at its end", table, test.shown)
			}
			if cached := strings.Contains(w.mustRun(t, "cluster", "list"), "yes"); cached != test.cached {
				t.Errorf("cached: got %v, want %v", cached, test.cached)
			}
			if removed := w.mustRun(t, "cache", "clear", "--expired"); (removed != "") != test.expired {
				t.Errorf("--expired: got %q; want a line: %v", removed, test.expired)
			}
		})
	}
}

// An entry with a fresh header that can't be decrypted is shown as corrupt, and doesn't count as cached.
func TestCacheTellsOfForgery(t *testing.T) {
	w := newWorld(t)
	w.mustRun(t, "credentials", clusterID)
	paths, err := filepath.Glob(filepath.Join(w.cache, "*.entry"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("got entries %v, %v; want one", paths, err)
	}
	entry, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Replace(entry, []byte(".k8s.ondigitalocean.com"), []byte(".k8s.example.com"), 1)
	if err := os.WriteFile(paths[0], forged, 0o600); err != nil {
		t.Fatal(err)
	}
	const want = "-            unusable: corrupt entry"
	if table := w.mustRun(t, "cache", "list"); !strings.Contains(table, want) {
		t.Errorf("got %s; want %q in it", table, want)
	}
	if table := w.mustRun(t, "cluster", "list"); strings.Contains(table, "yes") {
		t.Errorf("got %s; want nothing cached", table)
	}
}

func TestCacheClearWaits(t *testing.T) {
	w := newWorld(t)
	w.mustRun(t, "credentials", clusterID)
	unlock := w.lock(t)
	code, stdout, stderr := w.run("cache", "clear", "--all", "--timeout=200ms")
	const want = "doks-auth: removing the credential for cluster \"" + clusterID +
		"\": timed out waiting for another process that is fetching it\nhint: "
	if code != 5 || stdout != "" || !strings.HasPrefix(stderr, want) {
		t.Errorf("got exit code %d, %q, %q; want 5, no output, %q…", code, stdout, stderr, want)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	w.stopped = ctx
	code, stdout, stderr = w.run("cache", "clear", "--all")
	if code != 1 || stdout != "" || stderr != "doks-auth: interrupted\n" {
		t.Errorf("got exit code %d, %q, %q; want 1, no output, interrupted", code, stdout, stderr)
	}
	w.stopped = t.Context()
	time.AfterFunc(50*time.Millisecond, unlock)
	if removed := w.mustRun(t, "cache", "clear", clusterID); !strings.Contains(removed, clusterID) {
		t.Errorf("got %q; want the cluster removed", removed)
	}
	if files, err := filepath.Glob(filepath.Join(w.cache, "[0-9a-f]*")); len(files) > 0 {
		t.Errorf("got files %v, %v; want none left", files, err)
	}
}

func TestReadOnlyCache(t *testing.T) {
	if os.Geteuid() <= 0 {
		t.Skip("permissions don't bind root, and aren't known on Windows")
	}
	w := newWorld(t)
	w.mustRun(t, "credentials", clusterID)
	if err := os.Chmod(w.cache, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(w.cache, 0o700)
	if table := w.mustRun(t, "cache", "list"); !strings.Contains(table, "fresh") {
		t.Errorf("got %s; want a fresh entry", table)
	}
	code, stdout, stderr := w.run("cache", "clear", "--all")
	if code != 1 || stdout != "" || !strings.Contains(stderr, "permission denied") {
		t.Errorf("got exit code %d, %q, %q; want 1, no output, permission denied", code, stdout, stderr)
	}
}

// A terminal shows a secret only if -o asks for it.
func TestCredentialsOnATerminal(t *testing.T) {
	w := newWorld(t)
	w.screen = true
	table := w.mustRun(t, "credentials", clusterID)
	if strings.Contains(table, "k8s_v1_") || !strings.Contains(table, "[redacted]") {
		t.Errorf("got %s; want the token redacted", table)
	}
	if got := w.mustRun(t, "credentials", clusterID, "-o", "json"); !strings.Contains(got, "k8s_v1_") {
		t.Errorf("got %s; want the token in it", got)
	}
	if got := w.mustRun(t, "credentials", clusterID, "-o", "jsonpath={.token}"); !strings.HasPrefix(got, "k8s_v1_") {
		t.Errorf("got %s; want the token", got)
	}
}

// Completion doesn't wait for an API that doesn't answer.
func TestCompletionIsBrief(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.mustRun(t, "credentials", clusterID)
	const delay = time.Minute
	w.api.SetDelay(delay)
	start := time.Now()
	if choices := w.mustRun(t, "__complete", "credentials", ""); !strings.HasPrefix(choices, clusterID+"\tcached\n") {
		t.Errorf("got %q; want the cached cluster", choices)
	}
	if took := time.Since(start); took > delay/2 { // two seconds, unless the machine is busy
		t.Errorf("got an answer after %s; want one long before the API's, after %s", took, delay)
	}
}
