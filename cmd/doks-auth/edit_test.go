package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// manyEntries returns a kubeconfig with entries for the clusters from <= i < to, named by their numbers.
func manyEntries(from, to int) string {
	var clusters, contexts, users strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&clusters, "- cluster:\n    server: https://%d.example\n  name: n%d\n", i, i)
		fmt.Fprintf(&contexts, "- context:\n    cluster: n%d\n    user: n%d\n  name: n%d\n", i, i, i)
		fmt.Fprintf(&users, "- name: n%d\n  user:\n    token: secret\n", i)
	}
	return fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters:\n%scontexts:\n%susers:\n%s",
		&clusters, &contexts, &users)
}

// startEdit starts an edit of a file and returns once it has the lock or has finished.
func startEdit(t *testing.T, p plugin, path string, args ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	args = append([]string{"kubeconfig", "remove", "n0", "--kubeconfig=" + path}, args...)
	cmd = exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = p.env
	stderr = new(bytes.Buffer)
	cmd.Stderr = stderr
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		if _, err := os.Lstat(path + ".lock"); err == nil {
			return cmd, stderr
		}
		if now, err := os.Stat(path); err == nil && now.Size() != before.Size() {
			return cmd, stderr
		}
		if time.Since(start) > hung {
			t.Fatalf("got no lock after %s, want one", hung)
		}
	}
}

// checkTidy fails the test unless the kubeconfig is the only file in its directory and has one of the texts.
func checkTidy(t *testing.T, path string, texts ...string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if file.Name() != filepath.Base(path) {
			t.Errorf("got file %s, want only the kubeconfig", file.Name())
			os.Remove(filepath.Join(filepath.Dir(path), file.Name()))
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range texts {
		if string(got) == want {
			return
		}
	}
	t.Errorf("got another text of %d bytes, want one of the %d texts", len(got), len(texts))
}

// However an edit ends, it leaves no lock behind, which would keep kubectl from working. Editing the large file takes
// longer than a command may take to exit after a signal.
func TestEndedEditsLeaveNoLock(t *testing.T) {
	const small, large = 2000, 20000
	tests := map[string]struct {
		signal  os.Signal // nil: --timeout
		entries int
		within  time.Duration // after the lock was acquired
	}{
		"INT":             {os.Interrupt, small, 100 * time.Millisecond},
		"INT, large file": {os.Interrupt, large, time.Second},
		"TERM":            {syscall.SIGTERM, small, 100 * time.Millisecond},
		"HUP":             {syscall.SIGHUP, small, 100 * time.Millisecond},
		"QUIT":            {syscall.SIGQUIT, small, 100 * time.Millisecond},
		"ABRT":            {syscall.SIGABRT, small, 100 * time.Millisecond},
		"timeout":         {nil, small, 100 * time.Millisecond},
	}
	_, url, _, _ := newAPI(t)
	p := newPlugin(t, url)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.signal != nil && runtime.GOOS == "windows" {
				t.Skip(noInterrupts)
			}
			path := filepath.Join(t.TempDir(), "config")
			before, after := manyEntries(0, test.entries), manyEntries(1, test.entries)
			for round := range 4 {
				if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
					t.Fatal(err)
				}
				moment := rand.N(test.within)
				if test.signal == nil {
					limit := moment + time.Millisecond
					r := p.run(t, nil, "kubeconfig", "remove", "n0", "--kubeconfig="+path, "--timeout="+limit.String())
					if r.code != 0 && r.code != 5 || r.took > limit+10*time.Second {
						t.Errorf("--timeout=%s: got exit code %d after %s, want 0 or 5 in time: %s",
							limit, r.code, r.took, r.stderr)
					}
					checkTidy(t, path, before, after)
					continue
				}
				cmd, stderr := startEdit(t, p, path)
				time.Sleep(moment)
				cmd.Process.Signal(test.signal)
				if round%2 == 1 {
					cmd.Process.Signal(test.signal) // an impatient user
				}
				cmd.Wait()
				checkTidy(t, path, before, after)
				if got := stderr.String(); got != "" && got != "doks-auth: interrupted\n" {
					t.Errorf("got %.100q on standard error, want %q or nothing", got, "doks-auth: interrupted\n")
				}
			}
		})
	}
}

// If the output can't be printed, the edit is still complete and its lock removed.
func TestEditsThatCannotPrint(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	_, url, _, _ := newAPI(t)
	before := manyEntries(0, 20)
	write := func(t *testing.T) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, command := range []string{"save " + tokenCluster, "save --all -v", "remove n0"} {
		p, path := newPlugin(t, url), write(t)
		args := append([]string{"kubeconfig", "--kubeconfig=" + path}, strings.Fields(command)...)
		if r := p.run(t, nil, args...); r.code != 0 {
			t.Fatalf("got exit code %d, want 0: %s", r.code, r.stderr)
		}
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, output := range []string{
			"| true", "2>&1 | true", ">&-", "<&- >&- 2>&-", ">/dev/full", ">/dev/full 2>&1",
		} {
			t.Run(command+" "+output, func(t *testing.T) {
				p, path := newPlugin(t, url), write(t)
				line := `"$0" kubeconfig --kubeconfig="$1" ` + command + " " + output
				cmd := exec.CommandContext(t.Context(), "sh", "-c", line, os.Args[0], path)
				cmd.Env = append(p.env, "PATH="+os.Getenv("PATH"))
				out, err := cmd.CombinedOutput()
				t.Logf("%v: %s", err, out)
				checkTidy(t, path, before, string(after))
			})
		}
	}
}
