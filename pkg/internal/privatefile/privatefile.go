// Package privatefile reads and writes small files that belong to this user alone.
package privatefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/internal/atomicfile"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
	"github.com/doks-auth/doks-auth/pkg/internal/openfile"
)

const (
	// MaxSize is the maximum size of a file, in bytes.
	MaxSize = 1 << 20

	// TempSuffix ends the names of temporary files, which begin with the name of the file that they become.
	TempSuffix = ".tmp"
)

// Error explains why a file isn't used.
type Error struct {
	Reason string // such as "not private"
	Err    error  // the cause; may be nil
}

// Error returns the reason and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Reason
	}
	return e.Reason + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Read reads the file of that name if it is a regular file that belongs to this user and gives others no access. It
// never blocks, neither on a lock nor on a named pipe in the file's place, and doesn't follow a link there. The
// error wraps fs.ErrNotExist if there is no file, else it is an *Error.
func Read(name string) ([]byte, error) {
	f, err := openfile.Open(name, os.O_RDONLY|openfile.NoFollow|openfile.NoWait, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err != nil {
		return nil, &Error{"unreadable", err}
	}
	defer f.Close()
	info, err := check(f, MaxSize)
	if err != nil {
		return nil, err
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, &Error{"unreadable", err}
	}
	return data, nil
}

// check returns an *Error unless a file is a regular one that belongs to this user, gives others no access, and isn't
// larger than most bytes.
func check(f *os.File, most int64) (fs.FileInfo, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, &Error{"unreadable", err}
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{"not a regular file", nil}
	}
	if err := fileowner.CheckPrivate(f, info); err != nil {
		return nil, &Error{"not private", err}
	}
	if info.Size() > most {
		return nil, &Error{"too large", nil}
	}
	return info, nil
}

// Write atomically replaces the file, or whatever else has its name.
func Write(name string, data []byte) error {
	temp := filepath.Base(name) + ".*" + TempSuffix
	err := atomicfile.Replace(name, data, temp, nil)
	if info, statErr := os.Lstat(name); err != nil && statErr == nil && info.IsDir() {
		// A file can't take a directory's place.
		if err := ClearAway(name); err != nil {
			return err
		}
		err = atomicfile.Replace(name, data, temp, nil)
	}
	return err
}

// ClearAway removes whatever has that name, without following links. What can't be removed, such as another user's
// non-empty directory, is moved aside, as a temporary file.
func ClearAway(name string) error {
	err := os.Remove(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	aside := fmt.Sprintf("%s.%d%s", name, rand.Uint64(), TempSuffix)
	if err := os.Rename(name, aside); err != nil {
		return err
	}
	os.RemoveAll(aside) // best effort
	return nil
}

// OpenTable opens a file of that size for reading and writing in place, or creates it. It returns an error for anything
// but a regular file that belongs to this user, gives others no access and isn't larger. It never blocks, and doesn't
// follow a link.
func OpenTable(name string, size int64) (*os.File, error) {
	f, err := openfile.Open(name, os.O_RDWR|os.O_CREATE|openfile.NoFollow|openfile.NoWait, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := check(f, size); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
