//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

const nobody = 65534

// locks returns the lock files in the user's cache.
func (u *user) locks() []string {
	u.t.Helper()
	locks, err := filepath.Glob(filepath.Join(u.cache(), "*.lock"))
	if err != nil {
		u.t.Fatal(err)
	}
	return locks
}

// A lock of root's in the user's cache, which the user can't open, is replaced.
func TestLockOfRoots(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	const processes = 40
	for name, spoil := range map[string]func(lock string) error{
		"file":      func(lock string) error { return os.WriteFile(lock, nil, 0o600) },
		"directory": func(lock string) error { return os.MkdirAll(filepath.Join(lock, "below"), 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUser(t, nil)
			home, err := os.MkdirTemp("", "")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(home)
			if err := os.Chown(home, nobody, nobody); err != nil {
				t.Fatal(err)
			}
			u.home, u.env[0] = home, "HOME="+home
			asUser := func(args ...string) result {
				return u.in(`exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"`, args...)
			}
			u.delivered(asUser())
			locks := u.locks()
			entries, err := filepath.Glob(filepath.Join(u.cache(), "*.entry"))
			if err != nil || len(locks) != 1 || len(entries) != 1 {
				t.Skipf("the plugin can't be run as another user: got %v, %v, %v", locks, entries, err)
			}
			for _, path := range append(locks, entries...) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			if err := spoil(locks[0]); err != nil {
				t.Fatal(err)
			}
			before := u.api.Mints(tokenID)
			u.api.SetDelay(300 * time.Millisecond)
			var wait sync.WaitGroup
			for range processes {
				wait.Go(func() { u.delivered(asUser()) })
			}
			wait.Wait()
			if mints := u.api.Mints(tokenID) - before; mints != 1 {
				t.Errorf("%d processes: got %d mints, want 1", processes, mints)
			}
		})
	}
}

// A process that never releases the cache's locks costs a mint, but never the credential.
func TestAllLocksAreHeld(t *testing.T) {
	u := newUser(t, nil)
	u.delivered(u.plugin())
	for want := 1; want <= 2; want++ {
		locks := u.locks()
		if len(locks) != want {
			t.Fatalf("got locks %v, want %d", locks, want)
		}
		for _, path := range locks {
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		}
		got := u.plugin("--force-refresh", "--timeout=6s")
		u.delivered(got)
		t.Logf("%d locks held: delivered after %.1f s", want, got.took.Seconds())
	}
}
