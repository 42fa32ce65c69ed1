// Package boundedfile reads files that may be anything: by a path that somebody else gave, a device
// without an end or a pipe that nobody writes to.
package boundedfile

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// The reasons, besides the file system's own, for not reading a file.
var (
	ErrNotRegular = errors.New("it is not a regular file")
	ErrTooLarge   = errors.New("it is too large")
)

// Read returns the contents of the regular file at path, if they are of limit bytes at most. It follows
// links, and doesn't wait for anything but the file system.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadFrom(f, limit)
}

// Open opens a file to read it, and doesn't wait for a writer, should it be a pipe.
func Open(path string) (*os.File, error) { return os.OpenFile(path, flags, 0) }

// ReadFrom does what Read does with an open file.
func ReadFrom(f *os.File, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrTooLarge, info.Size(), limit)
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1)) // it may grow meanwhile, and /proc tells no sizes
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return text, nil
}
