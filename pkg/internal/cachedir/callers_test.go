package cachedir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"sync"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner/fileownertest"
)

func TestRepeats(t *testing.T) {
	d := Open(t.TempDir(), credential.Secret{})
	for _, call := range []struct {
		caller, of string
		want       bool
	}{
		{"1", "a", false}, {"1", "a", true}, {"1", "a", true}, {"1", "b", false}, {"2", "a", false}, {"1", "a", true},
	} {
		if got := d.Repeats(call.caller, call.of); got != call.want {
			t.Errorf("caller %s, credential %s: got %t, want %t", call.caller, call.of, got, call.want)
		}
	}
}

// The table has a fixed size, however many callers there are, and forgets rather than to mistake one for another.
func TestManyCallers(t *testing.T) {
	d := Open(t.TempDir(), credential.Secret{})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			for j := range 500 {
				if d.Repeats(fmt.Sprint(i, " ", j), "a") {
					t.Errorf("caller %d %d: got a repetition, want none", i, j)
				}
			}
		})
	}
	all.Wait()
	info, err := os.Stat(filepath.Join(d.path, callersName))
	if err != nil || info.Size() > slots*slotSize {
		t.Errorf("got %v, %v; want a file of %d bytes at most", info, err, slots*slotSize)
	}
	if err := fileownertest.CheckPrivate(filepath.Join(d.path, callersName)); err != nil {
		t.Errorf("got %v, want a private file", err)
	}
	d.Repeats("last", "a")
	if !d.Repeats("last", "a") {
		t.Error("got no repetition, want one")
	}
}

// symlink makes a link, or skips the test on Windows, where that may need rights, and Wine does nothing.
func symlink(t *testing.T, target, path string) error {
	err := os.Symlink(target, path)
	if _, statErr := os.Lstat(path); statErr != nil && runtime.GOOS == "windows" {
		t.Skipf("links can't be created here: %v", errors.Join(err, statErr))
	}
	return err
}

// What can't be the table is left alone.
func TestOddTables(t *testing.T) {
	tests := map[string]func(t *testing.T, path string) error{
		"directory": func(_ *testing.T, path string) error { return os.Mkdir(path, 0o700) },
		"others read it": func(_ *testing.T, path string) error {
			return errors.Join(os.WriteFile(path, make([]byte, slotSize), 0o600), fileownertest.LetOthersRead(path))
		},
		"large": func(_ *testing.T, path string) error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) },
		"link": func(t *testing.T, path string) error {
			target := filepath.Join(t.TempDir(), "target")
			if err := os.WriteFile(target, nil, 0o600); err != nil {
				return err
			}
			return symlink(t, target, path)
		},
	}
	for name, put := range tests {
		t.Run(name, func(t *testing.T) {
			d := Open(t.TempDir(), credential.Secret{})
			path := filepath.Join(d.path, callersName)
			if err := put(t, path); err != nil {
				t.Fatal(err)
			}
			before, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if d.Repeats("1", "a") {
					t.Error("got a repetition, want none")
				}
			}
			if after, err := os.Stat(path); err != nil || after.Size() != before.Size() {
				t.Errorf("got %v, %v; want it unchanged", after, err)
			}
		})
	}
	for range 2 {
		if Open("", credential.Secret{}).Repeats("1", "a") {
			t.Error("got a repetition without a directory, want none")
		}
	}
}

func TestJudgments(t *testing.T) {
	d := Open(filepath.Join(t.TempDir(), "cache"), credential.NewSecret("secret"))
	key := credential.Key{ClusterID: "c"}
	if _, err := d.Judgment(t.Context(), key); err == nil {
		t.Error("got a judgment, want none")
	}
	want := credential.Judgment{Digest: "d", Verdict: credential.Refuses, Refused: []string{"d"}}
	if err := d.PutJudgment(t.Context(), key, want); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Judgment(t.Context(), key); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	entries, err := List(d.path)
	if err != nil || len(entries) != 1 || !entries[0].Absent {
		t.Fatalf("got %+v, %v; want one without a credential", entries, err)
	}
	if gone, err := entries[0].Remove(t.Context(), func(Entry) bool { return true }); !gone || err != nil {
		t.Errorf("got %t, %v; want it removed", gone, err)
	}
	if _, err := d.Judgment(t.Context(), key); err == nil {
		t.Error("got a judgment, want none")
	}
}
