//go:build windows

package windows

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// serve starts the cluster's API server, and a proxy to it for the programs that the user runs.
func (w *world) serve() {
	w.t.Helper()
	if err := w.cluster.Serve(w.api); err != nil {
		w.t.Fatal(err)
	}
	proxy := httptest.NewServer(digitaloceantest.Proxy(map[string]string{w.cluster.Host(): w.cluster.Addr()}))
	w.t.Cleanup(func() { w.cluster.Close(); proxy.Close() })
	w.env = append(w.env, "HTTPS_PROXY="+proxy.URL)
}

// kubectl returns the path of kubectl.exe.
func kubectl() string { return builtFile(filepath.ToSlash(os.Getenv("WINDOWS_BIN")) + "/kubectl.exe") }

// kubectl runs what save wrote, with the access token in doctl's configuration, which has Windows' line ends.
func TestKubectl(t *testing.T) {
	w := newWorld(t)
	w.serve()
	doctl := filepath.Join(w.home, "AppData", "Roaming", "doctl", "config.yaml")
	if err := os.MkdirAll(filepath.Dir(doctl), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(doctl, []byte("access-token: "+accessToken+"\r\ncontext: default\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, "DIGITALOCEAN_ACCESS_TOKEN=")
	w.mustRun("kubeconfig", "save", clusterID)
	for range 2 {
		got := w.run(kubectl(), "get", "--raw", "/version")
		if got.code != 0 || !strings.Contains(got.stdout, "gitVersion") {
			t.Errorf("got %+v, want the server's version", got)
		}
	}
	if mints := w.api.Mints(clusterID); mints != 1 {
		t.Errorf("got %d mints, want 1", mints)
	}
	if all, refused := w.cluster.Requests(); all == 0 || refused != 0 {
		t.Errorf("got %d requests, %d of them refused; want some, and none refused", all, refused)
	}
	doctor := w.run("", "doctor")
	if doctor.code != 0 || !strings.Contains(doctor.stdout, "everything is fine") {
		t.Errorf("got %+v, want that everything is fine", doctor)
	}
	w.mustRun("kubeconfig", "remove", clusterID)
	if got := w.run(kubectl(), "get", "--raw", "/version"); got.code == 0 {
		t.Errorf("got %+v, want no cluster", got)
	}
}

// A kubeconfig keeps its line ends, and what a program looks like in it.
func TestLineEnds(t *testing.T) {
	const before = "apiVersion: v1\r\nkind: Config\r\n# mine\r\nclusters:\r\n- name: other\r\n  cluster:\r\n" +
		"    server: https://other.example\r\ncontexts:\r\n- name: other\r\n  context:\r\n    cluster: other\r\n" +
		"    user: other\r\ncurrent-context: other\r\nusers:\r\n- name: other\r\n  user:\r\n    exec:\r\n" +
		"      apiVersion: client.authentication.k8s.io/v1\r\n      command: 'C:\\Program Files\\other.exe'\r\n" +
		"      interactiveMode: Never\r\n"
	w := newWorld(t)
	if err := os.MkdirAll(filepath.Dir(w.config()), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.config(), []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	w.mustRun("kubeconfig", "save", clusterID, "--set-current-context=false")
	saved, err := os.ReadFile(w.config())
	if err != nil || strings.Count(string(saved), "\n") != strings.Count(string(saved), "\r\n") {
		t.Errorf("got %v, %q; want CRLF at the end of each line", err, saved)
	}
	if !strings.Contains(string(saved), w.plugin) {
		t.Errorf("got %s; want the command %s", saved, w.plugin)
	}
	w.mustRun("kubeconfig", "remove", clusterID)
	if after, err := os.ReadFile(w.config()); err != nil || string(after) != before {
		t.Errorf("got %v, %q; want %q", err, after, before)
	}
}

// Without a profile in the environment, the cache is in that of the user database, whatever else is set: otherwise each
// run would mint.
func TestWithoutProfile(t *testing.T) {
	w := newWorld(t)
	w.env = slices.DeleteFunc(w.env, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"USERPROFILE", "LOCALAPPDATA", "APPDATA"}, name)
	})
	w.env = append(w.env, "HOME="+w.home)
	defer w.run("", "cache", "clear", "--all")
	for range 2 {
		w.mustRun(credential(clusterID)...)
	}
	if mints := w.api.Mints(clusterID); mints != 1 {
		t.Errorf("got %d mints for two runs, want 1", mints)
	}
}

// kubectl looks for the kubeconfig in %HOME% first, which Git's shell sets.
func TestHome(t *testing.T) {
	w := newWorld(t)
	w.serve()
	other := filepath.Join(t.TempDir(), "other")
	if err := os.Mkdir(other, 0o700); err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, "HOME="+other)
	w.mustRun("kubeconfig", "save", clusterID)
	if got := w.run(kubectl(), "get", "--raw", "/version"); got.code != 0 || !strings.Contains(got.stdout, "gitVersion") {
		t.Errorf("got %+v, want the server's version", got)
	}
}
