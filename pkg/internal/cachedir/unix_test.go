//go:build unix

// Not for Windows: it needs named pipes, links and other users.

package cachedir

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestLinksAndPipesAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	d := Open(dir, accessToken)
	mustPut(t, d, key, newCredential("t"))
	entry := entryPath(t, dir)
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(entry, elsewhere); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, entry); err != nil {
		t.Fatal(err)
	}
	if got := missReason(t, d, key); got != "unreadable" {
		t.Errorf("a link to a valid entry: got %q, want %q", got, "unreadable")
	}
	mustPut(t, d, key, newCredential("second"))
	if after, err := os.ReadFile(elsewhere); err != nil || string(after) != string(before) {
		t.Errorf("the link's target: got %q, %v; want it unchanged", after, err)
	}
	if got := missReason(t, d, key); got != "" {
		t.Errorf("after a Put: got %q, want a hit", got)
	}

	os.Remove(entry)
	if err := syscall.Mkfifo(entry, 0o600); err != nil {
		t.Skip(err)
	}
	if got := missReason(t, d, key); got != "not a regular file" {
		t.Errorf("a named pipe: got %q, want %q", got, "not a regular file")
	}
	mustPut(t, d, key, newCredential("third"))
	if got := missReason(t, d, key); got != "" {
		t.Errorf("after a Put: got %q, want a hit", got)
	}

	lock := newSeal(dir, key, accessToken).path(lockSuffix)
	os.Remove(lock)
	target := filepath.Join(t.TempDir(), "target")
	if err := os.Symlink(target, lock); err != nil {
		t.Fatal(err)
	}
	if unlock, err := d.Lock(t.Context(), key); err != nil {
		t.Errorf("a link in the lock's place: got %v, want the lock", err)
	} else {
		defer unlock()
	}
	if info, err := os.Lstat(lock); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the lock: got %v, %v; want a regular file", info, err)
	}
	if _, err := os.Lstat(target); err == nil {
		t.Error("the link's target: got a file, want none")
	}
}

func TestForeignOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	dir := t.TempDir()
	d := Open(dir, accessToken)
	mustPut(t, d, key, newCredential("t"))
	if err := os.Chown(entryPath(t, dir), 12345, 12345); err != nil {
		t.Skip(err)
	}
	if got := missReason(t, d, key); got != "not private" {
		t.Errorf("got %q, want %q", got, "not private")
	}
	mustPut(t, d, key, newCredential("second"))
	if got := missReason(t, d, key); got != "" {
		t.Errorf("after a Put: got %q, want a hit", got)
	}
}
