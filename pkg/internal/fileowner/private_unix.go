//go:build unix

package fileowner

import (
	"errors"
	"io/fs"
	"os"
)

// IsOwnOrRoots reports whether an open file belongs to this user or to root.
func IsOwnOrRoots(_ *os.File, info fs.FileInfo) bool { return IsOwn(info) || IsRoots(info) }

// CheckPrivate returns an error if an open file belongs to another user or gives others access.
func CheckPrivate(_ *os.File, info fs.FileInfo) error {
	if !IsOwn(info) {
		return errors.New("it has another owner")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return errors.New("group or others have access")
	}
	return nil
}
