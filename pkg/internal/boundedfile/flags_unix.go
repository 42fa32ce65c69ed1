//go:build unix

package boundedfile

import (
	"os"
	"syscall"
)

const flags = os.O_RDONLY | syscall.O_NONBLOCK
