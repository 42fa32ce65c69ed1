package cachedir

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// openFile refuses a symbolic link; there is no O_NOFOLLOW.
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

// checkPrivate has nothing to check: a file under the user's profile has the profile's access
// control list, and the mode bits are made up.
func checkPrivate(fs.FileInfo) error { return nil }

// rename tries for half a second: Windows doesn't replace a file while somebody reads it.
func rename(from, to string) error {
	const (
		accessDenied     = syscall.ERROR_ACCESS_DENIED
		sharingViolation = syscall.Errno(32)
	)
	for wait := time.Millisecond; ; wait *= 2 {
		err := os.Rename(from, to)
		if err == nil || wait > 256*time.Millisecond {
			return err
		}
		if !errors.Is(err, accessDenied) && !errors.Is(err, sharingViolation) {
			return err
		}
		time.Sleep(wait)
	}
}
