package cachedir

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// mustList returns what a directory holds.
func mustList(t *testing.T, dir string) []Entry {
	t.Helper()
	entries, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func always(Entry) bool { return true }

func TestList(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	if entries := mustList(t, dir); len(entries) > 0 {
		t.Errorf("in no directory: %v", entries)
	}
	d := Open(dir, accessToken)
	asked := key
	asked.Expiry = time.Hour
	c := newCredential("t")
	mustPut(t, d, asked, c)
	unlock, err := d.Lock(t.Context(), key) // a lock without an entry
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	for _, name := range []string{"yarn.lock", "list.entry", strings.Repeat("a", 32) + ".mp4"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	entries := mustList(t, dir)
	if len(entries) != 2 {
		t.Fatalf("%d entries", len(entries))
	}
	if entries[0].Absent {
		entries[0], entries[1] = entries[1], entries[0]
	}
	if lone := entries[1]; !lone.Absent || missOf(t, lone.Err) != absent || !d.IsOf(lone, key) {
		t.Errorf("a lone lock: %+v", lone)
	}
	want := Entry{
		Name: filepath.Base(newSeal(dir, asked, accessToken).base), ClusterID: key.ClusterID, Server: c.Server,
		Expiry: time.Hour, FetchedAt: c.FetchedAt, ExpiresAt: c.ExpiresAt,
	}
	if diff := cmp.Diff(want, entries[0], cmpopts.IgnoreUnexported(Entry{})); diff != "" {
		t.Error(diff)
	}
	if !d.IsOf(entries[0], asked) || d.IsOf(entries[0], key) {
		t.Error("not known by its key")
	}
}

func TestListWithoutDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", file} {
		if entries, err := List(path); err == nil {
			t.Errorf("%q: %v", path, entries)
		}
	}
}

func TestListTellsWhatCannotBeUsed(t *testing.T) {
	text := func(text string) func(path string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
	}
	directory := func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) }
	tests := map[string]struct {
		spoil func(path string) error
		want  string
	}{
		"text":           {text("text"), "corrupt entry"},
		"another schema": {text("{\"schema\":2}\n"), "entry of schema 2"},
		"a directory":    {directory, "not a regular file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			mustPut(t, Open(dir, accessToken), key, newCredential("t"))
			if err := test.spoil(entryPath(t, dir)); err != nil {
				t.Fatal(err)
			}
			entries := mustList(t, dir)
			if len(entries) != 1 || entries[0].Absent || entries[0].ClusterID != "" ||
				missOf(t, entries[0].Err) != test.want {
				t.Errorf("%+v", entries)
			}
		})
	}
}

// Whatever has an entry's name goes, with all that stands beside it, and nothing else.
func TestRemove(t *testing.T) {
	dir := t.TempDir()
	d := Open(dir, accessToken)
	other := key
	other.ClusterID = "other"
	mustPut(t, d, other, newCredential("t"))
	base := newSeal(dir, key, accessToken).base
	for _, path := range []string{base + entrySuffix, base + failureSuffix} {
		if err := os.MkdirAll(filepath.Join(path, "below"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(base+entrySuffix+".1"+privatefile.TempSuffix, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, e := range mustList(t, dir) {
		if d.IsOf(e, other) {
			continue
		}
		if removed, err := e.Remove(t.Context(), always); !removed || err != nil {
			t.Errorf("%v, %v", removed, err)
		}
	}
	if left, err := filepath.Glob(base + "*"); len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if got := missReason(t, d, other); got != "" {
		t.Errorf("another key's: %q", got)
	}
}

// What is at work on an entry is waited for, and what it wrote is looked at anew.
func TestRemoveWaits(t *testing.T) {
	dir := t.TempDir()
	d := Open(dir, accessToken)
	mustPut(t, d, key, newCredential("first"))
	entry := mustList(t, dir)[0]
	unlock, err := d.Lock(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if removed, err := entry.Remove(done, always); removed || !errors.Is(err, context.Canceled) {
		t.Errorf("a held lock: %v, %v", removed, err)
	}
	second := newCredential("second")
	mustPut(t, d, key, second)
	unlock()
	removed, err := entry.Remove(done, func(e Entry) bool { return !e.FetchedAt.Equal(second.FetchedAt) })
	if removed || err != nil || missReason(t, d, key) != "" {
		t.Errorf("a new entry: %v, %v", removed, err)
	}
}
