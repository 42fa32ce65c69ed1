//go:build unix

package cachedir

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

func openFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// checkPrivate returns an error if a file belongs to another user or gives others access.
func checkPrivate(info fs.FileInfo) error {
	if !ownedByUs(info) {
		return errors.New("it has another owner")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return errors.New("group or others have access")
	}
	return nil
}

// ownedByUs reports whether a file belongs to this user.
func ownedByUs(info fs.FileInfo) bool {
	uid, ok := owner(info)
	return ok && uid == os.Geteuid()
}

// owner returns a file's owner.
func owner(info fs.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
