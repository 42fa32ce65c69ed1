//go:build unix

package filelock

import (
	"os"
	"syscall"

	"github.com/gofrs/flock"
)

func newLock(path string, create bool) *flock.Flock {
	flag := os.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	if create {
		flag |= os.O_CREATE
	}
	return flock.New(path, flock.SetFlag(flag))
}
