// Package boundedfile reads files at untrusted paths, which may be endless devices or pipes that nobody writes
// to.
package boundedfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/doks-auth/doks-auth/pkg/internal/openfile"
)

// Errors for files that aren't read, besides the file system's.
var (
	ErrNotRegular = errors.New("it is not a regular file")
	ErrTooLarge   = errors.New("it is too large")
)

// Read returns the contents of the regular file at path, which must be at most limit bytes. It follows
// links and waits only for the file system.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadFrom(f, limit)
}

// Open opens a file for reading. It doesn't wait for a writer if the file is a pipe.
func Open(path string) (*os.File, error) { return openfile.Open(path, Flags, 0) }

// Flags open a file for reading, without waiting for a writer if it is a pipe.
const Flags = os.O_RDONLY | openfile.NoWait

// ReadFrom is like Read for an open file.
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
	// One read is enough, unless the file grows, or is in /proc, where sizes are 0.
	text := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	if _, err := text.ReadFrom(io.LimitReader(f, limit+1)); err != nil {
		return nil, err
	}
	if int64(text.Len()) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	return text.Bytes(), nil
}
