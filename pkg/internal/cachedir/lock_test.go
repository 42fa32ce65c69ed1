package cachedir

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// Whatever stands in a lock's place is replaced, and only one at a time gets the lock.
func TestSpoiltLockIsReplaced(t *testing.T) {
	spoilers := map[string]func(path string) error{
		"directory":      func(path string) error { return os.Mkdir(path, 0o700) },
		"full directory": func(path string) error { return os.MkdirAll(filepath.Join(path, "below"), 0o700) },
	}
	maps.Copy(spoilers, systemSpoilers)
	for name, spoil := range spoilers {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "") // short, for the socket
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			d := Open(dir, accessToken)
			path := newSeal(dir, key, accessToken).path(lockSuffix)
			if err := spoil(path); err != nil {
				t.Skip(err)
			}
			var inside, got atomic.Int32
			var wait sync.WaitGroup
			start := make(chan struct{})
			for range 40 {
				wait.Go(func() {
					<-start
					unlock, err := d.Lock(t.Context(), key)
					if err != nil {
						t.Errorf("got %v, want the lock", err)
						return
					}
					if n := inside.Add(1); n != 1 {
						t.Errorf("got %d holders, want 1", n)
					}
					got.Add(1)
					inside.Add(-1)
					unlock()
				})
			}
			close(start)
			wait.Wait()
			if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
				t.Errorf("got %v, %v; want a regular file", info, err)
			}
			if _, err := os.Lstat(filepath.Join(dir, "nothing")); err == nil {
				t.Error("the link's target was made")
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*"+privatefile.TempSuffix)); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
			if err := d.Put(t.Context(), key, newCredential("t")); err != nil {
				t.Error(err)
			}
		})
	}
}

// While a lock is held, nothing is replaced: who finds it held waits.
func TestHeldLockIsNotReplaced(t *testing.T) {
	d := Open(t.TempDir(), accessToken)
	unlock, err := d.Lock(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	done, cancel := context.WithCancel(t.Context())
	cancel()
	var wait sync.WaitGroup
	for range 40 {
		wait.Go(func() {
			if _, err := d.Lock(done, key); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want %v", err, context.Canceled)
			}
		})
	}
	wait.Wait()
}
