package filelock

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"
)

// To rename a file into a directory, Windows opens the directory so. Wine doesn't.
func TestRenameIntoHeld(t *testing.T) {
	dir := t.TempDir()
	unlock, err := Try(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		t.Fatal(err)
	}
	const addFile = windows.FILE_WRITE_DATA // its meaning for directories
	handle, err := windows.CreateFile(path, addFile|windows.SYNCHRONIZE, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		t.Errorf("opening the directory as to rename: got %v, want no error", err)
	} else {
		windows.CloseHandle(handle)
	}
	unlock()
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("got %v, %v; want nothing left in %s", files, err, filepath.Base(dir))
	}
}
