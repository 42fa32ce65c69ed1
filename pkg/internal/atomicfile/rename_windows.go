package atomicfile

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// rename retries for half a second, because Windows doesn't replace a file that is open.
func rename(dir *os.Root, from, to string) error {
	const (
		accessDenied     = syscall.ERROR_ACCESS_DENIED
		sharingViolation = syscall.Errno(32)
	)
	for wait := time.Millisecond; ; wait *= 2 {
		err := dir.Rename(from, to)
		if err == nil || wait > 256*time.Millisecond {
			return err
		}
		if !errors.Is(err, accessDenied) && !errors.Is(err, sharingViolation) {
			return err
		}
		time.Sleep(wait)
	}
}
