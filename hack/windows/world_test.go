//go:build windows

// Package windows holds tests that run the built doks-auth.exe and kubectl.exe.
package windows

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const (
	accessToken = "dop_v1_first"
	clusterID   = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"

	// hung is how long to wait for a program that should exit much earlier.
	hung = 5 * time.Minute
)

// world is a user of an API with one cluster.
type world struct {
	t       *testing.T
	api     *digitaloceantest.API
	cluster *digitaloceantest.Cluster
	home    string
	plugin  string
	env     []string
}

// newWorld returns a user whose paths have spaces and letters besides ASCII's.
func newWorld(t *testing.T) *world {
	t.Helper()
	api := digitaloceantest.NewAPI(accessToken)
	cluster, err := digitaloceantest.NewCluster(clusterID)
	if err != nil {
		t.Fatal(err)
	}
	api.AddCluster(cluster)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)

	home := filepath.Join(t.TempDir(), "Zoë Müller 日本")
	programs := filepath.Join(t.TempDir(), "Program Files", "doks auth ü")
	for _, dir := range []string{home, programs} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	plugin := filepath.Join(programs, "doks-auth.exe")
	copyFile(t, builtFile(os.Getenv("WINDOWS_PLUGIN")), plugin)
	return &world{t, api, cluster, home, plugin, []string{
		"USERPROFILE=" + home,
		"APPDATA=" + filepath.Join(home, "AppData", "Roaming"),
		"LOCALAPPDATA=" + filepath.Join(home, "AppData", "Local"),
		"DIGITALOCEAN_API_URL=" + server.URL,
		"DIGITALOCEAN_ACCESS_TOKEN=" + accessToken,
		"HTTPS_PROXY=http://127.0.0.1:1", // nothing is looked for on the network
	}}
}

// builtFile returns the path of what hack/windows/run has built, as Wine shows the host's files.
func builtFile(path string) string { return filepath.FromSlash("Z:" + path) }

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		t.Fatal(err)
	}
}

// config returns the path of the user's kubeconfig.
func (w *world) config() string { return filepath.Join(w.home, ".kube", "config") }

// cache returns the path of the user's cache.
func (w *world) cache() string { return filepath.Join(w.home, ".kube", "cache", "doks-auth") }

// result is the result of running a program.
type result struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// command returns a command that runs a program, or the plugin if it is "".
func (w *world) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	if program == "" {
		program = w.plugin
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = w.env
	return cmd
}

// run runs a program and waits until it exits.
func (w *world) run(program string, args ...string) result {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hung)
	defer cancel()
	cmd := w.command(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		w.t.Errorf("running %q: %v", args, err)
	}
	if ctx.Err() != nil {
		w.t.Errorf("%q: got a running program after %s, want it to exit", args, hung)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(start)}
}

// mustRun runs the plugin, which must succeed.
func (w *world) mustRun(args ...string) result {
	w.t.Helper()
	got := w.run("", args...)
	if got.code != 0 {
		w.t.Fatalf("%q: got exit code %d, want 0: %s", args, got.code, got.stderr)
	}
	return got
}

// credential are the arguments with which a client runs the plugin. 200 processes at once take their time.
func credential(id string) []string {
	return []string{"exec-credential", "--api-version=v1", "--timeout=4m", id}
}

// tokenOf returns the token in a response.
func tokenOf(stdout string) string {
	var response struct{ Status struct{ Token string } }
	if json.Unmarshal([]byte(stdout), &response) != nil {
		return ""
	}
	return response.Status.Token
}

// names returns the names of the files in a directory.
func (w *world) names(dir string) []string {
	w.t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, file.Name())
	}
	return names
}
