package privatefile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// While a file is replaced and removed again and again, readers find all of it or nothing.
func TestReadBesideWriters(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	texts := [][]byte{bytes.Repeat([]byte("a"), 10_000), bytes.Repeat([]byte("b"), 20_000)}
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		writers.Go(func() {
			for i := range 100 {
				if err := Write(name, texts[i%2]); err != nil {
					t.Errorf("writing: %v", err)
				}
			}
		})
	}
	writers.Go(func() {
		for range 50 {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("removing: %v", err)
			}
		}
	})
	readers.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond): // some systems replace a file only while nobody reads it
			}
			got, err := Read(name)
			if err == nil && !bytes.Equal(got, texts[0]) && !bytes.Equal(got, texts[1]) {
				t.Errorf("got a mixture of %d bytes", len(got))
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("reading: %v", err)
			}
		}
	})
	writers.Wait()
	close(done)
	readers.Wait()
	if left, err := os.ReadDir(filepath.Dir(name)); err != nil || len(left) > 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// What isn't a file says so, and Write takes its place.
func TestDirectoryInPlace(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.MkdirAll(filepath.Join(name, "below"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Read(name)
	if e, ok := errors.AsType[*Error](err); !ok || e.Reason != "not a regular file" {
		t.Errorf("got %v, want that it isn't a regular file", err)
	}
	if f, err := OpenTable(name, 1); err == nil {
		f.Close()
		t.Error("got a table, want an error")
	}
	if err := Write(name, []byte("text")); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(name); err != nil || string(got) != "text" {
		t.Errorf("got %q, %v; want what was written", got, err)
	}
}

// A lock's holder can remove it. Whoever waits then locks another one.
func TestRemovedLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var all sync.WaitGroup
	var inside sync.Mutex
	for range 5 {
		all.Go(func() {
			for range 10 {
				unlock, err := Lock(t.Context(), path)
				if err != nil {
					t.Errorf("got %v, want the lock", err)
					return
				}
				if !inside.TryLock() {
					t.Error("got the lock, which another holds")
				} else {
					inside.Unlock()
				}
				if err := os.Remove(path); err != nil {
					t.Errorf("removing the lock: %v", err)
				}
				unlock()
			}
		})
	}
	all.Wait()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want no lock", err)
	}
}
