//go:build unix

package cachedir

import (
	"os"
	"syscall"
)

const lockFlags = os.O_CREATE | os.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
