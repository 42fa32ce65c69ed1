package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const accessToken = "dop_v1_conformance"

// trial is a client in a scenario: with a DigitalOcean account, a cluster, and an empty home of its own.
type trial struct {
	ctx     context.Context
	client  *client
	plugin  string
	log     io.Writer // what the client prints
	dir     string
	api     *digitaloceantest.API
	server  *httptest.Server // of the API
	cluster *digitaloceantest.Cluster
	saved   int // how many credentials were minted before the client ran

	mu       sync.Mutex
	accepted map[string]int // how often the cluster gave objects, by the kind of credential
}

// newTrial starts the stand-ins of a trial. change, if it isn't nil, configures them before they serve.
func newTrial(
	ctx context.Context, c *client, plugin string, s *slot, log io.Writer, change func(*trial),
) (*trial, error) {
	cluster, err := digitaloceantest.NewCluster(s.id)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "doks-auth-conformance-")
	if err != nil {
		return nil, err
	}
	t := &trial{
		ctx: ctx, client: c, plugin: plugin, log: log, dir: dir,
		api: digitaloceantest.NewAPI(accessToken), cluster: cluster, accepted: make(map[string]int),
	}
	for _, name := range []string{"home", "empty", "tmp"} {
		if err := os.Mkdir(t.path(name), 0o700); err != nil {
			return nil, err
		}
	}
	cluster.Name = "production"
	cluster.Handler = t.count(apiServer())
	if change != nil {
		change(t)
	}
	t.api.AddCluster(cluster)
	if err := cluster.Serve(t.api); err != nil {
		return nil, err
	}
	address := cluster.Addr()
	s.cluster.Store(&address)
	t.server = httptest.NewServer(t.api)
	return t, nil
}

// stop stops the stand-ins, and removes what the client left.
func (t *trial) stop() {
	t.server.Close()
	t.cluster.Close()
	os.RemoveAll(t.dir)
}

// count counts the requests for objects that the cluster accepts: the plugin itself, for one, asks for the version.
func (t *trial) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/v1/") {
			t.mu.Lock()
			t.accepted[w.Header().Get("X-Authenticated-By")]++
			t.mu.Unlock()
		}
		next.ServeHTTP(w, r)
	})
}

// acceptedBy returns how often the cluster gave objects for a kind of credential.
func (t *trial) acceptedBy(kind string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.accepted[kind]
}

// mints returns how many credentials were minted since the entry was written.
func (t *trial) mints() int { return t.api.Mints(t.cluster.ID) - t.saved }

func (t *trial) path(elements ...string) string {
	return filepath.Join(append([]string{t.dir}, elements...)...)
}

func (t *trial) kubeconfig() string { return t.path("kubeconfig") }

// bare is the environment of a program that is started with what it needs and nothing else.
func (t *trial) bare() []string {
	return []string{
		"PATH=/usr/bin:/bin",
		"KUBECONFIG=" + t.kubeconfig(),
		"DIGITALOCEAN_ACCESS_TOKEN=" + accessToken,
		"DIGITALOCEAN_API_URL=" + t.server.URL,
	}
}

// full is a user's environment.
func (t *trial) full() []string {
	return append(t.bare(), "PATH="+os.Getenv("PATH"), "HOME="+t.path("home"), "TMPDIR="+t.path("tmp"), "LANG=C.UTF-8")
}

// process returns what the client is started with.
func (t *trial) process() process { return process{dir: t.path("empty"), env: t.full()} }

// list has the client list the namespaces once.
func (t *trial) list(p process) (outcome, error) { return t.runClient(p, 0, "list") }

// loop has one process of the client list the namespaces until the time is up, and returns the errors, "" for each
// time that it succeeded, and how long it took. Commands that list once and exit have no such mode.
func (t *trial) loop(d time.Duration) ([]string, time.Duration, error) {
	o, err := t.runClient(t.process(), d, "loop", fmt.Sprint(d.Seconds()))
	switch {
	case err != nil:
		return nil, 0, err
	case o.code == 64:
		return nil, 0, errNoLoop
	case o.code != 0:
		return nil, 0, failed(o, "got exit code %d, want 0", o.code)
	}
	var results []string
	for line := range strings.Lines(o.stdout) {
		line = strings.TrimSpace(line)
		if message, ok := strings.CutPrefix(line, "error:"); ok {
			results = append(results, "error:"+message)
		} else if line == "ok" {
			results = append(results, "")
		}
	}
	return results, o.took, nil
}

// patience is how long a client may take, besides the time of its loop.
const patience = time.Minute

func (t *trial) runClient(p process, d time.Duration, mode ...string) (outcome, error) {
	o, err := t.client.run(t.ctx, d+patience, p, mode...)
	fmt.Fprintf(t.log, "%s: exit code %d after %v, %d minted\n%s\n",
		strings.Join(mode, " "), o.code, o.took.Round(time.Millisecond), t.mints(), indent(o.output()))
	if err != nil {
		return o, failed(o, "%s: %v", mode[0], err)
	}
	return o, nil
}

func indent(text string) string { return "  | " + strings.ReplaceAll(text, "\n", "\n  | ") }
