//go:build unix

package openfile

import (
	"os"
	"syscall"
)

// Flags for Open, besides those of package os.
const (
	NoFollow = syscall.O_NOFOLLOW // don't follow a link at the path's end
	NoWait   = syscall.O_NONBLOCK // don't wait for a writer if it is a pipe
)

// Open is like os.OpenFile.
func Open(name string, flag int, perm os.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}

// Create creates a file that must not exist, private to this user, for reading and writing.
func Create(dir *os.Root, name string) (*os.File, error) {
	return dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
}

// MkdirAll creates a directory with missing parents, all private to this user.
func MkdirAll(path string) error { return os.MkdirAll(path, 0o700) }

// Mkdir creates a directory that is private to this user.
func Mkdir(path string) error { return os.Mkdir(path, 0o700) }
