// Package atomicfile replaces files in one step.
package atomicfile

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/internal/openfile"
)

// Replace atomically replaces the file at path: even after a crash or on a full disk, readers
// find the old text or the new one. The text is synced to disk before; the
// directory isn't, so the old file may reappear after a power failure. Replace doesn't replace directories.
//
// The text is first written to a temporary file in the same directory, with a name derived from temp as in
// os.CreateTemp, private to this user. prepare, if not nil, is called with it and may change its permissions. A process
// that is killed leaves the temporary file behind.
func Replace(path string, text []byte, temp string, prepare func(*os.File) error) error {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	f, err := Create(dir, temp)
	if err != nil {
		return err
	}
	defer f.Remove()
	if err := f.Write(text, prepare); err != nil {
		return err
	}
	return f.Rename(filepath.Base(path))
}

// Rename renames the file at path within its directory, replacing any file there.
func Rename(path, to string) error {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return rename(dir, filepath.Base(path), filepath.Base(to))
}

// File is a new file that isn't in its final place yet. It does what [Replace] does, in steps.
type File struct {
	dir  *os.Root
	name string
	open *os.File
	info os.FileInfo
}

// Create creates an empty file in dir, with a name derived from temp as in os.CreateTemp.
func Create(dir *os.Root, temp string) (*File, error) {
	name := strings.Replace(temp, "*", rand.Text(), 1)
	open, err := openfile.Create(dir, name)
	if err != nil {
		return nil, err
	}
	info, err := open.Stat()
	f := &File{dir, name, open, info}
	if err != nil {
		f.Remove()
		return nil, err
	}
	return f, nil
}

// Reserve takes as many bytes of the disk, so that a Write of at most that many doesn't fail for lack of space.
func (f *File) Reserve(size int) error {
	if _, err := f.open.WriteAt(bytes.Repeat([]byte(" "), size), 0); err != nil {
		return err
	}
	return f.open.Sync()
}

// Write writes the file's complete text, syncs it to disk and closes the file. It must be called only once.
func (f *File) Write(text []byte, prepare func(*os.File) error) error {
	if err := f.write(text); err != nil {
		return err
	}
	if prepare != nil {
		if err := prepare(f.open); err != nil {
			return err
		}
	}
	if err := f.open.Sync(); err != nil {
		return err
	}
	return f.open.Close()
}

func (f *File) write(text []byte) error {
	if _, err := f.open.WriteAt(text, 0); err != nil {
		return err
	}
	return f.open.Truncate(int64(len(text))) // there may be more reserved
}

// Publish does what Write and Rename do, but syncs the file only after it has its final name: the time in which the
// process could be killed with the text lost is short. After a power failure, the file may be incomplete.
func (f *File) Publish(name string, text []byte) error {
	if err := f.write(text); err != nil {
		return err
	}
	if err := f.Rename(name); err != nil {
		return err
	}
	defer f.open.Close()
	return f.open.Sync()
}

// Rename renames the file to its final name in its directory, replacing any file there. It fails if the temporary
// file itself has been replaced, as is possible in a directory that others may write to.
func (f *File) Rename(name string) error {
	info, err := f.dir.Lstat(f.name)
	if err != nil {
		return err
	}
	if !os.SameFile(info, f.info) {
		return errors.New("the temporary file was replaced before it could be renamed")
	}
	if err := rename(f.dir, f.name, name); err != nil {
		return err
	}
	f.name = ""
	return nil
}

// Remove removes the file unless it has been renamed to its final name.
func (f *File) Remove() {
	if f.name != "" {
		f.open.Close()
		f.dir.Remove(f.name)
	}
}
