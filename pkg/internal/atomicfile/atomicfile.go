// Package atomicfile replaces files in one step.
package atomicfile

import (
	"os"
	"path/filepath"
)

// Replace puts a file with that text in place of what has the path, wholly or not at all: whoever opens
// it, whatever is killed or full, finds the old file or the new one. The text is on the disk by then; that
// the name is, is left to the file system. A directory isn't replaced.
//
// The text is written to a file beside it first, which is named by temp as os.CreateTemp does, and has the
// mode 0600. prepare, unless it is nil, may change that; a process that is killed leaves it behind.
func Replace(path string, text []byte, temp string, prepare func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), temp)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if prepare != nil {
		if err := prepare(f); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return rename(f.Name(), path)
}
