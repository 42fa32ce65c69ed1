package kubeconfig

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isOpenElsewhere reports whether a file couldn't be replaced because a program has opened it without letting others
// remove it, as most do. Writing it in place, as kubectl does, may be possible all the same.
func isOpenElsewhere(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}
