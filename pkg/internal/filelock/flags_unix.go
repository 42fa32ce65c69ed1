//go:build unix

package filelock

import (
	"os"
	"syscall"
)

const flags = os.O_RDONLY | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
