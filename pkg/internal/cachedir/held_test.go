package cachedir

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// mustHold holds the only entry of a directory.
func mustHold(t *testing.T, dir string) *Held {
	t.Helper()
	entries := mustList(t, dir)
	if len(entries) != 1 {
		t.Fatalf("got %d entries, want 1", len(entries))
	}
	held, err := entries[0].Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return held
}

func TestSetAside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	d := Open(dir, accessToken)
	mustPut(t, d, key, newCredential("first"))
	held := mustHold(t, dir)
	if err := held.SetAside(); err != nil {
		t.Fatal(err)
	}
	if got := missReason(t, d, key); got != absent {
		t.Errorf("got the miss %q, want %q", got, absent)
	}
	if got, err := d.Read(t.Context(), held.Entry, key); err != nil || got.Token.Reveal() != "first" {
		t.Errorf("got %v, want the credential that was set aside", err)
	}
	// Whoever needs a credential waits.
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if unlock, err := d.Lock(now, key); err == nil {
		unlock()
		t.Error("got the lock, want it held")
	}

	if err := held.PutBack(); err != nil {
		t.Fatal(err)
	}
	held.Release()
	if got, err := d.Get(t.Context(), key); err != nil || got.Token.Reveal() != "first" {
		t.Errorf("got %v, want a hit", err)
	}
	wantFiles(t, dir, 1)
}

// A process that is killed leaves an entry set aside. Another one finds it, next to a new one.
func TestFindAside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	d := Open(dir, accessToken)
	mustPut(t, d, key, newCredential("first"))
	held := mustHold(t, dir)
	if err := held.SetAside(); err != nil {
		t.Fatal(err)
	}
	held.Release()
	mustPut(t, d, key, newCredential("second"))

	entries := mustList(t, dir)
	if len(entries) != 2 || entries[0].Aside == entries[1].Aside || entries[0].File() == entries[1].File() {
		t.Fatalf("got %+v, want an entry, and one that was set aside", entries)
	}
	for _, e := range entries {
		want := "second"
		if e.Aside {
			want = "first"
		}
		got, err := d.Read(t.Context(), e, key)
		if err != nil || got.Token.Reveal() != want || !d.IsOf(e, key) || e.ClusterID != key.ClusterID {
			t.Errorf("got %v, want an entry of the key, with the token %q", err, want)
		}
		if !e.Aside {
			continue
		}
		held, err := e.Hold(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// It doesn't take the new one's place.
		if err := held.PutBack(); err != nil || !held.Aside {
			t.Errorf("got %v, want it to stay aside", err)
		}
		if err := held.Remove(); err != nil {
			t.Error(err)
		}
		held.Release()
	}
	if got, err := d.Get(t.Context(), key); err != nil || got.Token.Reveal() != "second" {
		t.Errorf("got %v, want the new one", err)
	}
	wantFiles(t, dir, 1)
}

// Nothing remains of a key whose only entry was set aside and removed.
func TestRemoveAside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	mustPut(t, Open(dir, accessToken), key, newCredential("first"))
	held := mustHold(t, dir)
	if err := held.SetAside(); err != nil {
		t.Fatal(err)
	}
	aside := held.Entry
	if err := held.Remove(); err != nil {
		t.Fatal(err)
	}
	held.Release()
	if left := mustList(t, dir); len(left) > 0 {
		t.Errorf("got %+v, want nothing", left)
	}
	// Another process was waiting for the lock.
	held, err := aside.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	if !held.Absent {
		t.Errorf("got %+v, want it absent", held.Entry)
	}
}

// An entry that can't be set aside stays as it is.
func TestSetAsideFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	d := Open(dir, accessToken)
	mustPut(t, d, key, newCredential("first"))
	held := mustHold(t, dir)
	defer held.Release()
	held.path = filepath.Join(dir, "elsewhere")
	if err := held.SetAside(); err == nil || held.Aside {
		t.Error("got no error, want one")
	}
	if got := missReason(t, d, key); got != "" {
		t.Errorf("got the miss %q, want a hit", got)
	}
}

func TestPruneAside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	d := Open(dir, accessToken)
	mustPut(t, d, key, newCredential("first"))
	held := mustHold(t, dir)
	if err := held.SetAside(); err != nil {
		t.Fatal(err)
	}
	held.Release()
	old := time.Now().Add(-2 * leftover)
	if err := os.Chtimes(held.path, old, old); err != nil {
		t.Fatal(err)
	}
	wantAside := func(want int) {
		t.Helper()
		aside, err := filepath.Glob(filepath.Join(dir, "*"+asideSuffix))
		if err != nil || len(aside) != want {
			t.Errorf("got %q, %v; want %d set aside", aside, err, want)
		}
	}
	d.prune(0)
	wantAside(1)
	d.now = func() time.Time { return held.ExpiresAt }
	if err := os.Chtimes(held.path, held.ExpiresAt, held.ExpiresAt.Add(-2*leftover)); err != nil {
		t.Fatal(err)
	}
	d.prune(0)
	wantAside(0)
}

// wantFiles fails unless the directory lists as many entries.
func wantFiles(t *testing.T, dir string, want int) {
	t.Helper()
	if got := mustList(t, dir); len(got) != want {
		t.Errorf("got %+v, want %d entries", got, want)
	}
}
