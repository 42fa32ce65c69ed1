package cmd_test

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/cmd"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// nowhere returns the absolute path of a program that doesn't exist.
func nowhere() string {
	if runtime.GOOS == "windows" {
		return "C:/nowhere/doks-auth"
	}
	return "/nowhere/doks-auth"
}

// writeContexts writes a kubeconfig with contexts c1 to cN for clusters that the API doesn't know, and returns its
// path. The last ones' command doesn't exist.
func writeContexts(t *testing.T, n, broken int) string {
	t.Helper()
	var clusters, contexts, users strings.Builder
	for i := 1; i <= n; i++ {
		command := "doks-auth"
		if i > n-broken {
			command = nowhere()
		}
		id := fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
		fmt.Fprintf(&clusters, "- {name: c%d, cluster: {server: 'https://%s.k8s.ondigitalocean.com'}}\n", i, id)
		fmt.Fprintf(&contexts, "- {name: c%d, context: {cluster: c%d, user: u%d}}\n", i, i, i)
		fmt.Fprintf(&users, "- {name: u%d, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: %s, "+
			"args: [exec-credential, %s], interactiveMode: Never, provideClusterInfo: true}}}\n", i, command, id)
	}
	text := "clusters:\n" + clusters.String() + "contexts:\n" + contexts.String() + "users:\n" + users.String()
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Many contexts take one line, and those that deviate in the same way another.
func TestDoctorSumsUp(t *testing.T) {
	bin := t.TempDir()
	for _, name := range []string{"doks-auth", "doks-auth.exe"} { // each system looks for its own
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	w := newWorld(t)
	w.api.SetScopes("dop_v1_test", digitaloceantest.ScopeCredentials) // may not list the clusters
	code, stdout, _ := w.run("doctor", "--kubeconfig="+writeContexts(t, 43, 2))
	if code != 1 {
		t.Errorf("got exit code %d, want 1", code)
	}
	lines := regexp.MustCompile(`(?m)^\w+ +kubeconfig .*$`).FindAllString(stdout, -1)
	deviation := `programs that are started from a desktop may not find its command "doks-auth"`
	if runtime.GOOS == "windows" {
		deviation = "it runs a different doks-auth: " + filepath.Join(bin, "doks-auth.exe")
	}
	want := []string{
		`warning   kubeconfig     each of the users "u1", "u2", "u3", "u4", "u5" and 36 more: ` + deviation,
		`failure   kubeconfig     each of the users "u42", "u43": its command "` + nowhere() + `" isn't a program`,
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if !strings.HasSuffix(stdout, "\n1 failure, 3 warnings\n") {
		t.Errorf("got %s; want the verdict at the end", stdout)
	}
}

// A cluster that the account doesn't have any more isn't fine, whatever is cached.
func TestDoctorMissesClusters(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(t.TempDir(), "config")
	w.mustRun(t, "kubeconfig", "save", clusterID, "--kubeconfig="+path)
	w.api.SetClustersFault(digitaloceantest.Answer(http.StatusOK, "application/json", `{"kubernetes_clusters":[]}`))
	code, stdout, _ := w.run("doctor", "--kubeconfig="+path)
	want := "failure   cluster        " + clusterID + " isn't in the account any more (DIGITALOCEAN_ACCESS_TOKEN)\n"
	if code != 1 || !strings.Contains(stdout, want) || strings.Contains(stdout, "credential valid") {
		t.Errorf("got exit code %d, %s; want 1, %q, and nothing about the cached credential", code, stdout, want)
	}
	if want := "→ 'doks-auth kubeconfig remove do-fra1-cluster-8d91899c' removes it\n"; !strings.Contains(stdout, want) {
		t.Errorf("got %s; want the hint %q", stdout, want)
	}
	if mints := w.api.Mints(clusterID); mints != 1 {
		t.Errorf("got %d mints, want 1", mints)
	}

	_, stdout, _ = w.run("doctor", "--kubeconfig="+writeContexts(t, 8, 0))
	want = `the clusters of 8 contexts aren't in the account any more: "c1", "c2", "c3", "c4", "c5" and 3 more`
	if !strings.Contains(stdout, want) {
		t.Errorf("got %s; want %q in it", stdout, want)
	}
	w.api.SetClustersFault(nil)
	w.api.Cluster(clusterID).State = "provisioning"
	code, stdout, _ = w.run("doctor", "--kubeconfig="+path)
	if want := clusterID + " is provisioning: it has no credentials yet\n"; code != 1 || !strings.Contains(stdout, want) {
		t.Errorf("got exit code %d, %s; want 1, %q", code, stdout, want)
	}
}

// Only a terminal gets colors, and only if the user wants them.
func TestDoctorColors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	tests := map[string]struct {
		screen bool
		env    map[string]string
		args   []string
		want   bool
	}{
		"terminal":      {true, nil, nil, true},
		"pipe":          {false, nil, nil, false},
		"NO_COLOR":      {true, map[string]string{"NO_COLOR": "1"}, nil, false},
		"empty":         {true, map[string]string{"NO_COLOR": ""}, nil, true},
		"dumb terminal": {true, map[string]string{"TERM": "dumb"}, nil, false},
		"CLICOLOR=0":    {true, map[string]string{"CLICOLOR": "0"}, nil, false},
		"CLICOLOR=1":    {true, map[string]string{"CLICOLOR": "1"}, nil, true},
		"JSON":          {true, nil, []string{"-o", "json"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.screen = test.screen
			w.adjust = func(env *cmd.Env) {
				getenv := env.Getenv
				env.Getenv = func(name string) string {
					if name == "WT_SESSION" {
						return "1" // Windows' terminal
					}
					return cmp.Or(test.env[name], getenv(name))
				}
			}
			_, stdout, stderr := w.run(append([]string{"doctor", "--kubeconfig=" + path}, test.args...)...)
			if got := strings.Contains(stdout, "\x1b[32mok\x1b[0m        program"); got != test.want {
				t.Errorf("got %q; want colors: %v", stdout, test.want)
			}
			if !test.want && strings.Contains(stdout+stderr, "\x1b") {
				t.Errorf("got %q and %q; want no escape sequences", stdout, stderr)
			}
		})
	}
}
