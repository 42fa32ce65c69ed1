package filelock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// A file and a directory can be locked once, read and listed meanwhile, and locked again afterwards.
func TestTry(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("mark"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, dir, dir + string(filepath.Separator) + "."} {
		for range 2 {
			unlock, err := Try(path, false)
			if err != nil {
				t.Fatalf("%s: got %v, want the lock", path, err)
			}
			if _, err := Try(path, false); !errors.Is(err, ErrHeld) {
				t.Errorf("%s, held: got %v, want %v", path, err, ErrHeld)
			}
			if text, err := os.ReadFile(file); err != nil || string(text) != "mark" {
				t.Errorf("%s, held: got the text %q, %v", path, text, err)
			}
			if _, err := os.ReadDir(dir); err != nil {
				t.Errorf("%s, held: listing: %v", path, err)
			}
			other, renamed := filepath.Join(dir, "other"), filepath.Join(dir, "renamed")
			err = errors.Join(os.WriteFile(other, nil, 0o600), os.Rename(other, renamed), os.Remove(renamed))
			if err != nil {
				t.Errorf("%s, held: creating, renaming and removing another file: %v", path, err)
			}
			unlock()
		}
	}
	if _, err := Try(filepath.Join(dir, "absent"), false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: got %v, want %v", err, os.ErrNotExist)
	}
}

// The holder may remove the file.
func TestRemoveHeld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for range 3 {
		unlock, err := Try(path, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
		unlock()
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v, want no file", err)
		}
	}
}

// Callers that have waited a long time try so rarely that they leave the processor to the holder. A caller that hasn't
// waited long gets the lock soon after its release.
func TestWaitBacksOff(t *testing.T) {
	tests := []struct {
		held  time.Duration
		tries int           // at most
		late  time.Duration // at most
	}{
		{50 * time.Millisecond, 20, 75 * time.Millisecond},
		{300 * time.Millisecond, 20, 75 * time.Millisecond},
		{10 * time.Second, 130, 375 * time.Millisecond},
	}
	for _, test := range tests {
		synctest.Test(t, func(t *testing.T) {
			released := time.Now().Add(test.held)
			tries := 0
			_, err := Wait(t.Context(), func() (func(), error) {
				tries++
				if time.Now().Before(released) {
					return nil, ErrHeld
				}
				return func() {}, nil
			})
			if late := time.Since(released); err != nil || tries > test.tries || late > test.late {
				t.Errorf("held for %s: got %v, %d tries, %s late; want at most %d and %s",
					test.held, err, tries, late, test.tries, test.late)
			}
		})
	}
}

// Waiting ends with the context, after one try at least.
func TestWaitEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tries := 0
	_, err := Wait(ctx, func() (func(), error) {
		tries++
		return nil, ErrHeld
	})
	if !errors.Is(err, context.Canceled) || tries != 1 {
		t.Errorf("got %v after %d tries, want %v after 1", err, tries, context.Canceled)
	}
}
