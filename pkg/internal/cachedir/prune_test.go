package cachedir

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// age makes a directory's stamp that of a pruning so long ago.
func age(t *testing.T, dir string, by time.Duration) {
	t.Helper()
	name, then := filepath.Join(dir, stampName), time.Now().Add(-by)
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(name, then, then); err != nil {
		t.Fatal(err)
	}
}

// putKeys puts n credentials with the given lifetime, fetched two days ago.
func putKeys(t *testing.T, d *Dir, prefix string, n int, lifetime time.Duration) []credential.Key {
	t.Helper()
	then := time.Now().Add(-48 * time.Hour)
	var keys []credential.Key
	for i := range n {
		k := key
		k.ClusterID = fmt.Sprint(prefix, i)
		c := newCredential("t")
		c.FetchedAt, c.ExpiresAt = then, then.Add(lifetime)
		mustPut(t, d, k, c)
		if unlock, err := d.Lock(t.Context(), k); err != nil {
			t.Fatal(err)
		} else {
			unlock()
		}
		for _, suffix := range []string{entrySuffix, lockSuffix} {
			if err := os.Chtimes(newSeal(d.path, k, accessToken).path(suffix), then, then); err != nil {
				t.Fatal(err)
			}
		}
		keys = append(keys, k)
	}
	return keys
}

func countEntries(t *testing.T, dir string) int {
	t.Helper()
	entries, err := filepath.Glob(filepath.Join(dir, "*"+entrySuffix))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// Put doesn't prune, so as not to delay the answer.
func TestPutDoesNotPrune(t *testing.T) {
	d := Open(t.TempDir(), accessToken)
	putKeys(t, d, "stale", 3, time.Hour)
	age(t, d.path, 48*time.Hour)
	mustPut(t, d, key, newCredential("t"))
	if err := d.PutFailure(t.Context(), key, credential.Failure{Message: "m"}); err != nil {
		t.Fatal(err)
	}
	if got := countEntries(t, d.path); got != 4 {
		t.Errorf("got %d entries, want 4", got)
	}
	d.Prune()
	if got := countEntries(t, d.path); got != 1 {
		t.Errorf("after pruning: got %d entries, want 1", got)
	}
}

func TestPruneIsDueOnceADay(t *testing.T) {
	const hour = time.Hour
	for by, want := range map[time.Duration]int{0: 1, 23 * hour: 1, 25 * hour: 0, -23 * hour: 1, -1000 * hour: 0} {
		d := Open(t.TempDir(), accessToken)
		d.pruneFor = time.Minute
		putKeys(t, d, "stale", 1, time.Hour)
		age(t, d.path, by)
		d.Prune()
		if got := countEntries(t, d.path); got != want {
			t.Errorf("%s after the last pruning: got %d entries, want %d", by, got, want)
		}
		putKeys(t, d, "later", 1, time.Hour)
		d.Prune()
		if got := countEntries(t, d.path); got != want+1 {
			t.Errorf("%s after the last pruning, and again: got %d entries, want %d", by, got, want+1)
		}
	}
}

// Removing an entry that has no lock file leaves no new one.
func TestPruneWithoutALock(t *testing.T) {
	d := Open(t.TempDir(), accessToken)
	for _, k := range putKeys(t, d, "stale", 3, time.Hour) {
		os.Remove(newSeal(d.path, k, accessToken).path(lockSuffix))
	}
	age(t, d.path, 25*time.Hour)
	d.Prune()
	files, err := os.ReadDir(d.path)
	if err != nil || len(files) != 1 {
		t.Errorf("got %v, %v; want the stamp", files, err)
	}
}

// If a pruning runs out of time, the next one continues where it stopped.
func TestPruneGoesOn(t *testing.T) {
	d := Open(t.TempDir(), accessToken)
	stale := putKeys(t, d, "stale", 20, time.Hour)
	live := putKeys(t, d, "live", 20, 1000*time.Hour)
	if err := os.WriteFile(filepath.Join(d.path, "notes"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	age(t, d.path, 48*time.Hour)
	d.pruneFor = 0 // one file per pruning
	d.Prune()
	if got := countEntries(t, d.path); got < 39 {
		t.Errorf("got %d entries, want 39 or more", got)
	}
	runs := 1
	for ; countEntries(t, d.path) > len(live); runs++ {
		if most := 2*(len(stale)+len(live)) + 2; runs > most {
			t.Fatalf("got %d entries after %d prunings, want %d", countEntries(t, d.path), runs, len(live))
		}
		d.Prune()
	}
	for _, k := range live {
		if got := missReason(t, d, k); got != "" {
			t.Errorf("%s: got %q, want it kept", k.ClusterID, got)
		}
	}
	d.pruneFor = time.Minute
	d.Prune() // finishes
	putKeys(t, d, "later", 1, time.Hour)
	d.Prune()
	if got, want := countEntries(t, d.path), len(live)+1; got != want {
		t.Errorf("after the end: got %d entries, want %d", got, want)
	}
}

// A directory that was there isn't marked as a cache: backups would leave out what else it holds.
func TestTagIsForOwnDirectories(t *testing.T) {
	made := filepath.Join(t.TempDir(), "a", "b")
	mustPut(t, Open(made, accessToken), key, newCredential("t"))
	if text, err := os.ReadFile(filepath.Join(made, tagName)); err != nil || string(text) != tag {
		t.Errorf("in a new directory: got %q, %v; want the tag", text, err)
	}
	there := t.TempDir()
	d := Open(there, accessToken)
	mustPut(t, d, key, newCredential("t"))
	d.Prune()
	if _, err := os.Lstat(filepath.Join(there, tagName)); err == nil {
		t.Error("a directory that was there has a tag")
	}
	others := filepath.Join(there, tagName)
	if err := os.WriteFile(others, []byte("another's"), 0o600); err != nil {
		t.Fatal(err)
	}
	age(t, there, 48*time.Hour)
	mustPut(t, d, key, newCredential("t"))
	d.Prune()
	if text, err := os.ReadFile(others); err != nil || string(text) != "another's" {
		t.Errorf("another's tag: got %q, %v", text, err)
	}
}

// What is changed at the stamp's name is the stamp, never what a link there leads to.
func TestStampIsNotFollowed(t *testing.T) {
	d := Open(t.TempDir(), accessToken)
	putKeys(t, d, "stale", 1, time.Hour)
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-100 * time.Hour).Truncate(time.Second)
	if err := os.Chtimes(target, then, then); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(d.path, stampName)
	os.Remove(name)
	if err := os.Symlink(target, name); err != nil {
		t.Skip(err)
	}
	mustPut(t, d, key, newCredential("t"))
	d.Prune()
	info, err := os.Stat(target)
	if err != nil || !info.ModTime().Equal(then) {
		t.Errorf("the link's target: got time %v, %v; want %v", info.ModTime(), err, then)
	}
	if text, err := os.ReadFile(target); err != nil || string(text) != "text" {
		t.Errorf("the link's target: got %q, %v; want %q", text, err, "text")
	}
	if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the stamp: got %v, %v; want a regular file", info, err)
	}
	if got := countEntries(t, d.path); got != 1 {
		t.Errorf("got %d entries, want 1", got)
	}
}

// Pruning removes links, but not their targets.
func TestPruneFollowsNoLink(t *testing.T) {
	d := Open(t.TempDir(), accessToken)
	elsewhere := t.TempDir()
	kept := filepath.Join(elsewhere, "kept")
	if err := os.WriteFile(kept, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.create(); err != nil {
		t.Fatal(err)
	}
	base := newSeal(d.path, key, accessToken).base
	names := []string{
		base + entrySuffix, base + failureSuffix, base + lockSuffix, base + entrySuffix + ".1" + privatefile.TempSuffix,
	}
	for i, name := range names {
		if err := os.Symlink([]string{elsewhere, kept}[i%2], name); err != nil {
			t.Skip(err)
		}
	}
	d.now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	d.Prune()
	for _, name := range names {
		if _, err := os.Lstat(name); err == nil {
			t.Errorf("got %s, want it removed", name)
		}
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("a link's target: got %v, want it kept", err)
	}
}

// Prune neither panics on an unusable directory nor creates a missing one.
func TestPruneNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", file, filepath.Join(file, "below"), filepath.Join(dir, "none")} {
		Open(path, accessToken).Prune()
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("got %v, %v; want the one file", files, err)
	}
}
