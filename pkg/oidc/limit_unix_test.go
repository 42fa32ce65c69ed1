//go:build unix

package oidc_test

import (
	"os/signal"
	"syscall"
)

// limitFiles lets no file become larger than size.
func limitFiles(size int) {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: uint64(size), Max: uint64(size)}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
}
