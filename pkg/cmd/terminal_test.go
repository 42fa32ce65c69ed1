package cmd_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/cmd"
	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
)

// output collects what is written, and tells when it contains a text.
type output struct {
	mu     sync.Mutex
	text   bytes.Buffer
	wanted string
	seen   chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.text.Write(p)
	if o.wanted != "" && strings.Contains(o.text.String(), o.wanted) {
		close(o.seen)
		o.wanted = ""
	}
	return n, err
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// onTerminal makes the world's standard streams a terminal. What is written to standard error goes to the returned
// output, whose channel is closed when it contains the wanted text.
func (w *world) onTerminal(wanted string) *output {
	out := &output{wanted: wanted, seen: make(chan struct{})}
	w.adjust = func(env *cmd.Env) {
		isTerminal := func() bool { return true }
		env.StdinIsTerminal, env.StdoutIsTerminal, env.StderrIsTerminal = isTerminal, isTerminal, isTerminal
		env.Stderr = out
	}
	return out
}

// until makes calls for clusters wait for a channel.
func until(arrived <-chan struct{}) digitaloceantest.Fault {
	return func(w http.ResponseWriter, r *http.Request, answer func() map[string]any) {
		select {
		case <-arrived:
		case <-r.Context().Done():
		}
		digitaloceantest.Change(nil)(w, r, answer)
	}
}

// A person on a terminal is told what a run waits for.
func TestWaitsAreSaid(t *testing.T) {
	t.Run("a slow API", func(t *testing.T) {
		w := newWorld(t)
		out := w.onTerminal("waiting for the DigitalOcean API\n")
		w.api.SetClustersFault(until(out.seen))
		w.mustRun(t, "cluster", "list")
		if got := out.String(); got != "waiting for the DigitalOcean API\n" {
			t.Errorf("got %q; want one line", got)
		}
	})
	t.Run("a slow API's credentials", func(t *testing.T) {
		w := newWorld(t)
		out := w.onTerminal("waiting for the DigitalOcean API\n")
		w.api.SetFault(until(out.seen))
		w.mustRun(t, "credentials", clusterID)
		if got := out.String(); got != "waiting for the DigitalOcean API\n" {
			t.Errorf("got %q; want one line", got)
		}
	})
	t.Run("a slow API's answer to doctor", func(t *testing.T) {
		w := newWorld(t)
		out := w.onTerminal("waiting for the DigitalOcean API\n")
		w.api.SetClustersFault(until(out.seen))
		w.run("doctor", "--kubeconfig="+filepath.Join(t.TempDir(), "none"))
		if got := out.String(); got != "waiting for the DigitalOcean API\n" {
			t.Errorf("got %q; want one line", got)
		}
	})
	t.Run("the cache's lock", func(t *testing.T) {
		w := newWorld(t)
		unlock := w.lock(t)
		out := w.onTerminal("waiting for another process that is fetching the credential\n")
		go func() {
			<-out.seen
			unlock()
		}()
		w.mustRun(t, "credentials", clusterID)
	})
	t.Run("the kubeconfig's lock", func(t *testing.T) {
		w := newWorld(t)
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path+".lock", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		out := w.onTerminal(fmt.Sprintf("waiting for another program to unlock the kubeconfig %q\n", path))
		go func() {
			<-out.seen
			os.Remove(path + ".lock")
		}()
		w.mustRun(t, "kubeconfig", "save", clusterID, "--kubeconfig="+path)
	})
}

// Neither a client nor a log is told, however long it takes: the API answers only after a time in which a person would
// have been.
func TestWaitsAreNotSaid(t *testing.T) {
	tests := map[string]struct {
		adjust  func(*cmd.Env)
		request string
		args    []string
	}{
		"a log":    {func(e *cmd.Env) { e.StderrIsTerminal = nil }, "", []string{"credentials", clusterID}},
		"a client": {func(*cmd.Env) {}, v1Request, []string{"exec-credential", clusterID}},
		"a client without request": {func(e *cmd.Env) { e.StdoutIsTerminal = nil }, "",
			[]string{"exec-credential", "--api-version=v1", clusterID}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			out := w.onTerminal("")
			terminal := w.adjust
			w.adjust = func(e *cmd.Env) { terminal(e); test.adjust(e) }
			w.request = test.request
			w.api.SetDelay(1500 * time.Millisecond)
			w.mustRun(t, test.args...)
			if got := out.String(); got != "" {
				t.Errorf("got %q; want nothing", got)
			}
		})
	}
}

const v1Request = `{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":true}}`

// A person who runs exec-credential isn't answered from the memory of failures; a client is.
func TestTypedExecCredentialAsksAnew(t *testing.T) {
	w := newWorld(t)
	w.api.SetFault(digitaloceantest.Status(403))
	for range 2 {
		w.run("exec-credential", "--api-version=v1", clusterID)
	}
	if got := w.api.Calls(); got != 1 {
		t.Errorf("a program: got %d calls, want 1", got)
	}
	w.api.SetFault(nil)
	w.onTerminal("")
	w.mustRun(t, "exec-credential", "--api-version=v1", clusterID)
}

// A remembered failure is cleared with its cluster.
func TestCacheClearKnowsFailures(t *testing.T) {
	w := newWorld(t)
	token := credential.NewSecret("dop_v1_other") // of an account that isn't known here
	dir := cachedir.Open(w.cache, token)
	key := digitalocean.CacheKey(w.url, clusterID, time.Hour, token)
	failure := credential.Failure{At: time.Now(), Message: "denied"}
	if err := dir.PutFailure(t.Context(), key, failure); err != nil {
		t.Fatal(err)
	}
	if got := w.mustRun(t, "cache", "clear", clusterID); !strings.HasPrefix(got, "remembered failure for cluster ") {
		t.Errorf("got %q; want the failure removed", got)
	}
	if got, err := dir.Failure(t.Context(), key); err == nil {
		t.Errorf("got %+v; want no failure", got)
	}
}

// Without a request and a command, a person gets an overview, whether they read it from the terminal or through a
// pager. A program, which would take it for a credential, gets an error.
func TestOverviewIsForPeople(t *testing.T) {
	isTerminal := func() bool { return true }
	tests := map[string]struct {
		adjust func(*cmd.Env)
		args   []string
		want   string // in the output; "": none, and an error
	}{
		"a terminal":             {func(e *cmd.Env) { e.StdinIsTerminal, e.StdoutIsTerminal = isTerminal, isTerminal }, nil, "Commands:"},
		"a pager":                {func(e *cmd.Env) { e.StdinIsTerminal = isTerminal }, nil, "Commands:"},
		"an empty file as input": {func(e *cmd.Env) { e.StdoutIsTerminal = isTerminal }, nil, "Commands:"},
		"a program":              {func(*cmd.Env) {}, nil, ""},
		"a program, with flags":  {func(*cmd.Env) {}, []string{"--skip-server-check"}, ""},
		"a person, with a version": {func(e *cmd.Env) { e.StdinIsTerminal, e.StdoutIsTerminal = isTerminal, isTerminal },
			[]string{"--api-version=v1"}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.adjust = test.adjust
			code, stdout, stderr := w.run(test.args...)
			if test.want != "" {
				if code != 0 || !strings.Contains(stdout, test.want) || stderr != "" {
					t.Errorf("got code %d, output %q and error %q; want 0, %q and none", code, stdout, stderr, test.want)
				}
				return
			}
			if want := "doks-auth: no cluster is named\nhint: give its id "; code != 2 || stdout != "" ||
				!strings.HasPrefix(stderr, want) {
				t.Errorf("got code %d, output %q and error %q; want 2, none and %q…", code, stdout, stderr, want)
			}
		})
	}
}
