// Package openfile opens and creates files for what package os can't do on Windows: there, a file that package os has
// opened can't be replaced or removed until it is closed, and others may read a new file if they may read its
// directory.
package openfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// MkdirAll creates a directory with missing parents, all private to this user.
func MkdirAll(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil
	}
	if parent := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && parent != path {
		if err := MkdirAll(parent); err != nil {
			return err
		}
	}
	err = Mkdir(path)
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		return nil // another process was faster, for example
	}
	return err
}
