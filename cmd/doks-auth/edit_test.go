package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// manyEntries returns a kubeconfig of so many clusters, of which the first is called "first".
func manyEntries(n int) string {
	var clusters, contexts, users strings.Builder
	name := "first"
	for i := range n {
		fmt.Fprintf(&clusters, "- cluster:\n    server: https://%d.example\n  name: %s\n", i, name)
		fmt.Fprintf(&contexts, "- context:\n    cluster: %s\n    user: %s\n  name: %s\n", name, name, name)
		fmt.Fprintf(&users, "- name: %s\n  user:\n    token: secret\n", name)
		name = fmt.Sprint("other-", i)
	}
	return fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters:\n%scontexts:\n%susers:\n%s", &clusters, &contexts, &users)
}

// startEdit starts an edit of a file, and returns when it has the lock.
func startEdit(t *testing.T, p plugin, path string, args ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), os.Args[0], append([]string{"kubeconfig", "remove", "first", "--kubeconfig=" + path}, args...)...)
	cmd.Env = p.env
	stderr = new(bytes.Buffer)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		if _, err := os.Lstat(path + ".lock"); err == nil {
			return cmd, stderr
		}
		if time.Since(start) > hung {
			t.Fatal("it takes no lock")
		}
	}
}

// checkTidy fails unless the kubeconfig stands alone in its directory and has one of the texts.
func checkTidy(t *testing.T, path string, texts ...string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if file.Name() != filepath.Base(path) {
			t.Errorf("left: %s", file.Name())
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
	t.Errorf("got %d bytes of another text than wanted", len(got))
}

// However an edit ends, there is no lock afterwards that would keep kubectl from working.
func TestEndedEditsLeaveNoLock(t *testing.T) {
	entries, rounds := 20000, 2
	if testing.Short() {
		entries, rounds = 2000, 2
	}
	_, url, _, _ := newAPI(t)
	p := newPlugin(t, url)
	path := filepath.Join(t.TempDir(), "config")
	before := manyEntries(entries)
	write := func() {
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write()
	start := time.Now()
	cmd, stderr := startEdit(t, p, path)
	if err := cmd.Wait(); err != nil {
		t.Fatal(err, stderr)
	}
	took := time.Since(start)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	after := string(text)
	checkTidy(t, path, after)
	t.Logf("an edit takes %s", took)

	for name, sig := range map[string]os.Signal{"INT": os.Interrupt, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT, "ABRT": syscall.SIGABRT} {
		t.Run(name, func(t *testing.T) {
			for round := range rounds {
				write()
				cmd, stderr := startEdit(t, p, path)
				time.Sleep(rand.N(took)) // any moment will do
				if err := cmd.Process.Signal(sig); err != nil && cmd.Process.Signal(os.Interrupt) != nil && round == 0 {
					cmd.Wait()
					t.Skip(err) // Windows can't
				}
				if round%2 == 1 {
					cmd.Process.Signal(sig) // an impatient user
				}
				cmd.Wait()
				checkTidy(t, path, before, after)
				if got := stderr.String(); got != "" && got != "doks-auth: interrupted\n" {
					t.Errorf("got %.100q on standard error; want no more than that it was interrupted", got)
				}
			}
		})
	}
	t.Run("timeout", func(t *testing.T) {
		for range rounds {
			write()
			limit := max(rand.N(took), time.Millisecond)
			r := p.run(t, nil, "kubeconfig", "remove", "first", "--kubeconfig="+path, "--timeout="+limit.String())
			checkTidy(t, path, before, after)
			if r.code != 0 && r.code != 5 || r.took > limit+10*time.Second {
				t.Errorf("--timeout=%s: got exit code %d after %s: %s", limit, r.code, r.took, r.stderr)
			}
		}
	})
}

// What can't be printed comes after the edit, which is whole, and without its lock.
func TestEditsThatCannotPrint(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip(err)
	}
	_, url, _, _ := newAPI(t)
	before := manyEntries(20)
	write := func(t *testing.T) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, command := range []string{"save " + tokenCluster, "save --all -v", "remove first"} {
		p, path := newPlugin(t, url), write(t)
		if r := p.run(t, nil, append([]string{"kubeconfig", "--kubeconfig=" + path}, strings.Fields(command)...)...); r.code != 0 {
			t.Fatal(r.stderr)
		}
		after, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, output := range []string{"| true", "2>&1 | true", ">&-", "<&- >&- 2>&-", ">/dev/full", ">/dev/full 2>&1"} {
			t.Run(command+" "+output, func(t *testing.T) {
				p, path := newPlugin(t, url), write(t)
				cmd := exec.CommandContext(t.Context(), "sh", "-c", `"$0" kubeconfig --kubeconfig="$1" `+command+" "+output, os.Args[0], path)
				cmd.Env = append(p.env, "PATH="+os.Getenv("PATH"))
				out, err := cmd.CombinedOutput()
				t.Logf("%v: %s", err, out)
				checkTidy(t, path, before, string(after))
			})
		}
	}
}
