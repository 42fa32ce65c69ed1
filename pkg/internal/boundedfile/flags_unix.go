//go:build unix

package boundedfile

import (
	"os"
	"syscall"
)

// Flags open a file for reading, without waiting for a writer if it is a pipe.
const Flags = os.O_RDONLY | syscall.O_NONBLOCK
