//go:build unix

package privatefile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
)

func openFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

func openTable(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
}

// checkPrivate returns an error if a file belongs to another user or gives others access.
func checkPrivate(info fs.FileInfo) error {
	if !fileowner.IsOwn(info) {
		return errors.New("it has another owner")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return errors.New("group or others have access")
	}
	return nil
}
