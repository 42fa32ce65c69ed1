// Package atomicfile replaces files in one step.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// Replace puts a file with that text in place of what has the path, wholly or not at all: whoever opens
// it, whatever is killed or full, finds the old file or the new one. The text is on the disk by then; that
// the name is, is left to the file system. A directory isn't replaced.
//
// The text is written to a file beside it first, which is named by temp as os.CreateTemp does, and has the
// mode 0600. prepare, unless it is nil, may change that; a process that is killed leaves it behind.
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

// File is a file that isn't in its place yet: [Replace] in steps, for those who do something in between.
type File struct {
	dir  *os.Root
	name string
	open *os.File
	info os.FileInfo
}

// Create makes an empty file in a directory, named by temp as os.CreateTemp does.
func Create(dir *os.Root, temp string) (*File, error) {
	name := strings.Replace(temp, "*", rand.Text(), 1)
	open, err := dir.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
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

// Write writes all of the file's text, once, to the disk.
func (f *File) Write(text []byte, prepare func(*os.File) error) error {
	if _, err := f.open.Write(text); err != nil {
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

// Rename puts the file in place of what has that name in its directory. What has taken the place of the
// file itself meanwhile, in a directory that others may write to, isn't put there.
func (f *File) Rename(name string) error {
	info, err := f.dir.Lstat(f.name)
	if err != nil {
		return err
	}
	if !os.SameFile(info, f.info) {
		return errors.New("somebody else has replaced the new file before it was in its place")
	}
	if err := rename(f.dir, f.name, name); err != nil {
		return err
	}
	f.name = ""
	return nil
}

// Remove removes the file, unless it is in its place.
func (f *File) Remove() {
	if f.name != "" {
		f.open.Close()
		f.dir.Remove(f.name)
	}
}
