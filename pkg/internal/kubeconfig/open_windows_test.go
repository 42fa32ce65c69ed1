package kubeconfig

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A program that has the kubeconfig open doesn't keep us from editing it, nor does it keep kubectl.
func TestFileThatIsOpenElsewhere(t *testing.T) {
	dir, backups := t.TempDir(), t.TempDir()
	path := write(t, filepath.Join(dir, "config"), emptyText)
	open, err := os.Open(path) // which doesn't share the file for removal
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	edit := save(newEntry("first", firstID))
	if err := (Editor{Backups: backups}).Edit(t.Context(), []string{path}, edit); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(edited(t, emptyText, edit), read(t, path)); diff != "" {
		t.Error(diff)
	}
	for _, left := range []string{filepath.Join(dir, ".*"), path + lockSuffix, filepath.Join(backups, "*"+backupSuffix)} {
		if names, err := filepath.Glob(left); err != nil || len(names) > 0 {
			t.Errorf("got %q, %v left behind; want nothing", names, err)
		}
	}
}
