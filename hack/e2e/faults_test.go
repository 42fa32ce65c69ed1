//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// in runs a shell script that breaks the plugin's environment and then runs the plugin, which is "$@".
func (u *user) in(script string, args ...string) result {
	u.t.Helper()
	command := []string{"sh", "-c", script, "sh", plugin(), "exec-credential", "--api-version=v1", tokenID}
	return run(u.t, append(u.env, "CACHE="+u.cache()), "", append(command, args...)...)
}

// inNamespace is like in, but in a new mount namespace. It needs root.
func (u *user) inNamespace(script string, args ...string) result {
	u.t.Helper()
	if os.Geteuid() != 0 {
		u.t.Skip("only root can mount")
	}
	return u.in(`exec unshare --mount sh -c '`+script+`' sh "$@"`, args...)
}

// delivered fails the test unless a run printed a valid token and nothing else.
func (u *user) delivered(got result) {
	u.t.Helper()
	if got.code != 0 || got.stderr != "" || !u.api.Accepts(tokenID, tokenOf(got.stdout)) {
		u.t.Errorf("got exit code %d, %q, %q; want 0, a valid token, nothing", got.code, got.stdout, got.stderr)
	}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	tests := map[string]func(u *user) result{
		"full disk": func(u *user) result {
			return u.inNamespace(`mkdir -p "$CACHE" && mount -t tmpfs -o size=4k none "$CACHE" &&
				head -c 4096 /dev/zero >"$CACHE/x"; exec "$@"`)
		},
		"disk full after the first file": func(u *user) result {
			return u.inNamespace(`mkdir -p "$CACHE" && mount -t tmpfs -o size=4k none "$CACHE" && exec "$@"`)
		},
		"no more inodes": func(u *user) result {
			return u.inNamespace(`mkdir -p "$CACHE" && mount -t tmpfs -o nr_inodes=3 none "$CACHE" && exec "$@"`)
		},
		"short write": func(u *user) result { return u.in(`ulimit -f 1; exec "$@"`) },
		"no write":    func(u *user) result { return u.in(`ulimit -f 0; exec "$@"`) },
		"read-only file system": func(u *user) result {
			return u.inNamespace(`mkdir -p "$CACHE" && mount --bind "$CACHE" "$CACHE" &&
				mount -o remount,bind,ro "$CACHE" && exec "$@"`)
		},
		"read-only directory": func(u *user) result {
			if os.Geteuid() != 0 {
				return u.in(`mkdir -p "$CACHE" && chmod 500 "$CACHE" && exec "$@"`)
			}
			return u.in(`chmod 755 "$HOME" && mkdir -p "$CACHE" && chmod 500 "$CACHE" &&
				exec setpriv --reuid=65534 --clear-groups "$@"`)
		},
		"no such device": func(u *user) result { return u.in(`exec "$@"`, "--cache-dir=/dev/null/x") },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			u := newUser(t, nil)
			for range 2 {
				u.delivered(spoil(u))
			}
			if calls := u.api.Calls(); calls < 1 || calls > 2 {
				t.Errorf("got %d calls, want 1 or 2", calls)
			}
		})
	}
}

// A valid entry on a file system that has become read-only is used.
func TestReadOnlyCacheIsRead(t *testing.T) {
	u := newUser(t, nil)
	u.delivered(u.plugin())
	for range 3 {
		u.delivered(u.inNamespace(
			`mount --bind "$CACHE" "$CACHE" && mount -o remount,bind,ro "$CACHE" && exec "$@"`))
	}
	if calls := u.api.Calls(); calls != 1 {
		t.Errorf("got %d calls, want 1", calls)
	}
}

// If the lock can't be acquired, the credential is still fetched and cached.
func TestLocksThatFail(t *testing.T) {
	u := newUser(t, nil)
	u.delivered(u.plugin())
	locks, err := filepath.Glob(filepath.Join(u.cache(), "*.lock"))
	if err != nil || len(locks) != 1 {
		t.Fatalf("got locks %v, %v; want one", locks, err)
	}
	if err := os.Remove(locks[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(locks[0], 0o700); err != nil {
		t.Fatal(err)
	}
	u.delivered(u.plugin("--force-refresh"))
	u.delivered(u.plugin())
	if calls := u.api.Calls(); calls != 2 {
		t.Errorf("got %d calls, want 2", calls)
	}
}

// The API's clock differs by an hour. If the local clock is behind, the credential is used no
// longer than it is valid. If it is ahead, a short-lived credential looks expired, and the error says why.
func TestClock(t *testing.T) {
	const lifetime = 10 * time.Second
	apiAhead := func(by time.Duration) func(api *digitaloceantest.API) {
		return func(api *digitaloceantest.API) {
			api.Expiry = lifetime
			api.Now = func() time.Time { return time.Now().Add(by) }
		}
	}
	t.Run("behind", func(t *testing.T) {
		u := newUser(t, apiAhead(time.Hour))
		for start := time.Now(); time.Since(start) < 2*lifetime; time.Sleep(50 * time.Millisecond) {
			u.delivered(u.plugin())
		}
		t.Logf("%d mints in two lifetimes", u.api.Mints(tokenID))
		if mints := u.api.Mints(tokenID); mints < 2 || mints > 5 {
			t.Errorf("got %d mints, want 2 to 5", mints)
		}
	})
	t.Run("ahead", func(t *testing.T) {
		u := newUser(t, apiAhead(-time.Hour))
		got := u.plugin()
		if got.code != 6 || got.stdout != "" || !strings.Contains(got.stderr, "the local clock is 1h0m") ||
			!strings.Contains(got.stderr, "hint: set the clock") {
			t.Errorf("got exit code %d, want 6 with an error and a hint about the clocks: %s", got.code, got.stderr)
		}
		u.delivered(u.plugin("--expiry-seconds=86400"))
	})
}

// holder starts a plugin and returns while it holds the lock, in the middle of a fetch.
func (u *user) holder() *exec.Cmd {
	u.t.Helper()
	hangs := make(chan struct{}, 10)
	u.api.SetFault(func(w http.ResponseWriter, r *http.Request, mint func() map[string]any) {
		hangs <- struct{}{}
		digitaloceantest.Hang(w, r, mint)
	})
	cmd := exec.CommandContext(u.t.Context(), plugin(), "exec-credential", "--api-version=v1", tokenID)
	cmd.Env = u.env
	if err := cmd.Start(); err != nil {
		u.t.Fatal(err)
	}
	select {
	case <-hangs:
	case <-time.After(hung):
		u.t.Fatalf("got no call after %s, want one", hung)
	}
	u.api.SetFault(nil)
	return cmd
}

func TestLockHolder(t *testing.T) {
	t.Run("killed", func(t *testing.T) {
		u := newUser(t, nil)
		holder := u.holder()
		holder.Process.Kill()
		holder.Wait()
		got := u.plugin()
		u.delivered(got)
		if got.took > 5*time.Second {
			t.Errorf("got the result after %s, want at most 5s", got.took)
		}
	})
	t.Run("stopped", func(t *testing.T) {
		u := newUser(t, nil)
		holder := u.holder()
		defer func() {
			holder.Process.Signal(syscall.SIGCONT)
			holder.Process.Kill()
			holder.Wait()
		}()
		if err := holder.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		results := make(chan result)
		const waiters = 20
		for range waiters {
			go func() { results <- u.plugin("--timeout=9s") }()
		}
		slowest := time.Duration(0)
		for range waiters {
			got := <-results
			u.delivered(got)
			slowest = max(slowest, got.took)
		}
		t.Logf("%d waiters with --timeout=9s: %d mint, slowest answer after %.1f s",
			waiters, u.api.Mints(tokenID), slowest.Seconds())
		if mints := u.api.Mints(tokenID); mints != 1 {
			t.Errorf("got %d mints, want 1", mints)
		}
		if got := u.plugin(); got.took > time.Second {
			t.Errorf("the next run: got the result after %s, want at most 1s", got.took)
		}
	})
}

// With very few file descriptors or processes, a run either delivers or fails, never something in between.
func TestLimits(t *testing.T) {
	var told []string
	for _, limit := range []string{"-n 4", "-n 6", "-n 8", "-n 10", "-n 16", "-v 100000", "-v 1500000", "-s 64"} {
		u := newUser(t, nil)
		got := u.in("ulimit " + limit + ` && exec "$@"`)
		if got.code == 0 {
			u.delivered(got)
		} else if got.stdout != "" || got.stderr == "" {
			t.Errorf("ulimit %s: got exit code %d, %q, %q; want an error and no output",
				limit, got.code, got.stdout, got.stderr)
		}
		told = append(told, fmt.Sprintf("%s: %d", limit, got.code))
	}
	t.Logf("exit codes by limit: %s", strings.Join(told, ", "))

	u := newUser(t, nil)
	if os.Geteuid() == 0 {
		got := u.in(`chmod 755 "$HOME"; exec setpriv --reuid=65534 --clear-groups \
			sh -c 'ulimit -u 1 2>/dev/null || ulimit -p 1; exec "$@"' sh "$@"`, "--no-cache")
		if got.code == 0 && tokenOf(got.stdout) == "" || got.code != 0 && got.stdout != "" {
			t.Errorf("got exit code %d, %q, %q; want a token or only an error", got.code, got.stdout, got.stderr)
		}
	}
}

// No secret is stored on disk in plain text.
func TestNothingInClear(t *testing.T) {
	u := newUser(t, nil)
	config := u.kubeconfig(entry{cluster: w.cert, apiVersion: "v1", naming: "host"})
	u.mustKubectl("kubectl", config, "", "get", "ns")
	token := tokenOf(u.plugin().stdout)
	files := 0
	err := filepath.WalkDir(u.home, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		for _, secret := range []string{token, accessToken, "PRIVATE KEY"} {
			if bytes.Contains(data, []byte(secret)) {
				t.Errorf("%s: got a secret in it, want none", path)
			}
		}
		return err
	})
	if err != nil || files == 0 || token == "" {
		t.Errorf("got %d files, token %q, %v; want some files and a token", files, token, err)
	}
}
