package cmd_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/cmd"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
	"github.com/doks-auth/doks-auth/pkg/internal/picker"
)

// On a terminal save --all shows its progress in one line.
func TestProgress(t *testing.T) {
	w := newWorld(t)
	for i := range 39 {
		cluster, err := digitaloceantest.NewCluster(fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
		if err != nil {
			t.Fatal(err)
		}
		cluster.Name = fmt.Sprint("c", i)
		w.api.AddCluster(cluster)
	}
	out := w.onTerminal("")
	path := filepath.Join(t.TempDir(), "config")
	w.mustRun(t, "kubeconfig", "save", "--all", "--kubeconfig="+path)
	progress, rest, _ := strings.Cut(out.String(), "kubectl needs")
	if strings.Contains(progress, "\n") || !strings.HasPrefix(progress, "\rfetched 0/40\rfetched 1/40") ||
		!strings.HasSuffix(progress, "\rfetched 40/40\r             \r") {
		t.Errorf("got %q; want one line that is rewritten, and removed", progress)
	}
	if !strings.HasPrefix(rest, " DIGITALOCEAN_ACCESS_TOKEN") || strings.Contains(rest, "fetched") {
		t.Errorf("got %q; want the note about the variable", rest)
	}
}

// --wait asks for the state until the cluster has credentials, and gives up after 15 minutes.
func TestSaveWaits(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "config")
	pauses := 0
	log := &output{}
	w.adjust = func(env *cmd.Env) {
		env.Stderr = log
		env.Pause = func(_ context.Context, d time.Duration) {
			w.ahead += d
			switch pauses++; pauses {
			case 2:
				w.api.SetClustersFault(digitaloceantest.Status(500)) // it is asked again
			case 3:
				w.api.SetClustersFault(nil)
			case 5:
				w.api.SetState(clusterID, "running")
			}
		}
	}
	save := []string{"kubeconfig", "save", "cluster-" + clusterID[:8], "--wait", "--kubeconfig=" + path, "--timeout=1s"}
	w.api.SetState(clusterID, "provisioning")
	if got := w.mustRun(t, save...); !strings.HasPrefix(got, "saved context ") || pauses != 5 {
		t.Errorf("got %q after %d pauses; want it saved after 5", got, pauses)
	}
	if got := log.String(); strings.Count(got, "waiting for \"cluster-8d91899c\", which is provisioning\n") != 1 {
		t.Errorf("got %q; want one line about waiting", got)
	}
	if got := w.api.Mints(clusterID); got != 1 {
		t.Errorf("got %d mints; want 1", got)
	}

	pauses = 100
	w.mustRun(t, "cache", "clear", "--all")
	w.api.SetState(clusterID, "provisioning")
	code, _, _ := w.run(save...)
	if got, want := log.String(), "gave up after 15m0s: the cluster \"cluster-8d91899c\" is provisioning"; code != 5 ||
		!strings.Contains(got, want) || pauses != 100+15*60/5 {
		t.Errorf("got exit code %d, %q, %d pauses; want 5, %q", code, got, pauses-100, want)
	}

	w.adjust = func(env *cmd.Env) {
		env.Pause = func(context.Context, time.Duration) { w.api.SetState(clusterID, "error") }
	}
	w.api.SetState(clusterID, "provisioning")
	if code, _, stderr := w.run(save...); code != 4 || !strings.Contains(stderr, `is in the state "error"`) {
		t.Errorf("got exit code %d, %q; want 4 and the state", code, stderr)
	}
}

// A cluster may be deleted while it is waited for. It has the name that the user gave, and the hint is not about the
// access token.
func TestSaveWaitsForADeletedCluster(t *testing.T) {
	w := newWorld(t)
	w.api.SetState(clusterID, "provisioning")
	w.adjust = func(env *cmd.Env) {
		env.Pause = func(context.Context, time.Duration) { w.api.RemoveCluster(clusterID) }
	}
	path := filepath.Join(t.TempDir(), "config")
	code, _, stderr := w.run("kubeconfig", "save", "cluster-8d91899c", "--wait", "--kubeconfig="+path)
	const want = "doks-auth: the cluster \"cluster-8d91899c\" has been deleted\n" +
		"hint: 'doks-auth kubeconfig prune' removes what the kubeconfig has of clusters that are gone\n"
	if code != 4 || !strings.HasSuffix(stderr, want) {
		t.Errorf("got exit code %d, %q; want 4, %q", code, stderr, want)
	}
}

// While a line shows that a cluster is waited for, a slow API isn't announced in its middle.
func TestProgressIsNotInterrupted(t *testing.T) {
	w := newWorld(t)
	w.api.SetState(clusterID, "provisioning")
	out := w.onTerminal("")
	watched := w.adjust
	w.adjust = func(env *cmd.Env) {
		watched(env)
		env.Columns = func() int { return 70 }
		env.Pause = func(_ context.Context, d time.Duration) {
			w.ahead += d
			w.api.SetDelay(1200 * time.Millisecond) // longer than a person is left without a word
			if w.ahead > 2*d {
				w.api.SetDelay(0)
				w.api.SetState(clusterID, "running")
			}
		}
	}
	w.mustRun(t, "kubeconfig", "save", "cluster-8d91899c", "--wait", "--kubeconfig="+filepath.Join(t.TempDir(), "config"))
	if got := out.String(); strings.Contains(got, "DigitalOcean API") || strings.Count(got, "provisioning (") < 3 {
		t.Errorf("got %q; want what is waited for, three times, and nothing about the API", got)
	}
}

// A terminal that knows no escape sequences shows no list.
func TestSaveDoesNotAskOnADumbTerminal(t *testing.T) {
	w := newWorld(t)
	out := w.onTerminal("")
	terminal := w.adjust
	w.adjust = func(env *cmd.Env) {
		terminal(env)
		get := env.Getenv
		env.Getenv = func(name string) string {
			if name == "TERM" {
				return "dumb"
			}
			return get(name)
		}
		env.OpenTerminal = func() (*picker.Terminal, error) { return nil, errors.New("it was opened") }
	}
	code, _, _ := w.run("kubeconfig", "save")
	if want := "doks-auth: no cluster is named; --all saves all of them\n"; code != 2 ||
		!strings.HasPrefix(out.String(), want) {
		t.Errorf("got exit code %d, %q; want 2, %q", code, out, want)
	}
}

// On a terminal save asks which clusters, if none is named.
func TestSaveAsks(t *testing.T) {
	w := newWorld(t)
	for i, name := range []string{"alpha", "beta", "gamma"} {
		cluster, err := digitaloceantest.NewCluster(fmt.Sprintf("00000000-0000-4000-8000-%012d", i))
		if err != nil {
			t.Fatal(err)
		}
		cluster.Name = name
		w.api.AddCluster(cluster)
	}
	var screen bytes.Buffer
	run := func(keys string, args ...string) (code int, stdout, stderr string) {
		t.Helper()
		screen.Reset()
		out := w.onTerminal("")
		terminal := w.adjust
		w.adjust = func(env *cmd.Env) {
			terminal(env)
			env.OpenTerminal = func() (*picker.Terminal, error) {
				return &picker.Terminal{
					In: strings.NewReader(keys), Out: &screen,
					Size: func() (int, int) { return 80, 24 }, Restore: func() {},
				}, nil
			}
		}
		path := filepath.Join(t.TempDir(), "config")
		code, stdout, _ = w.run(append([]string{"kubeconfig", "save", "--kubeconfig=" + path}, args...)...)
		return code, stdout, out.String()
	}
	code, stdout, _ := run("beta\r")
	if code != 0 || !strings.HasPrefix(stdout, "saved context \"do-fra1-beta\"\nthe current context is ") {
		t.Errorf("got exit code %d, %q; want one cluster saved, and its context the current one", code, stdout)
	}
	if !strings.Contains(screen.String(), "NAME ") || !strings.Contains(screen.String(), "[ ] gamma ") {
		t.Errorf("got %q on the screen; want the clusters", screen.String())
	}
	code, stdout, _ = run("a\x7f\x1b[B \x1b[B \r")
	if code != 0 || strings.Count(stdout, "saved context") != 2 || strings.Contains(stdout, "current context is") {
		t.Errorf("got exit code %d, %q; want two clusters saved", code, stdout)
	}
	code, stdout, stderr := run("\x03")
	if code != 1 || stdout != "" || stderr != "doks-auth: interrupted: nothing was chosen\n" {
		t.Errorf("got exit code %d, %q, %q; want 1, and nothing chosen", code, stdout, stderr)
	}
	code, stdout, _ = run("\x1b[B\r", "--alias=b", "--dry-run")
	if code != 0 || !strings.HasPrefix(stdout, "would save context \"b\"\n") {
		t.Errorf("got exit code %d, %q; want a dry run", code, stdout)
	}
	code, _, stderr = run("\x01\r", "--alias=b")
	if code != 2 || !strings.Contains(stderr, "--alias can be used with only one cluster") {
		t.Errorf("got exit code %d, %q; want 2", code, stderr)
	}
}

// An interrupted save says what it leaves.
func TestInterruptedSave(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	w.stopped = ctx
	out := w.onTerminal("waiting for another program to unlock")
	go func() {
		<-out.seen
		stop()
	}()
	code, stdout, _ := w.run("kubeconfig", "save", clusterID, "--kubeconfig="+path)
	const want = "doks-auth: interrupted: nothing was written to the kubeconfig\n" +
		"hint: the credential is kept in the cache: the same command goes on from there\n"
	if code != 1 || stdout != "" || !strings.HasSuffix(out.String(), want) {
		t.Errorf("got exit code %d, %q, %q; want 1, %q", code, stdout, out.String(), want)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("got a kubeconfig; want none")
	}
}
