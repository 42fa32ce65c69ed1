package privatefile

import (
	"errors"
	"io/fs"
	"os"
)

// openFile rejects symbolic links, since Windows has no O_NOFOLLOW.
func openFile(name string) (*os.File, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	return os.Open(name)
}

func openTable(name string) (*os.File, error) {
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
}

// checkPrivate always returns nil: files under the user's profile inherit its access
// control list, and mode bits are synthetic.
func checkPrivate(fs.FileInfo) error { return nil }
