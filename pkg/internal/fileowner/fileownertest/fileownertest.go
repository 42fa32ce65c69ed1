// Package fileownertest changes and checks who may access files, for tests on all systems.
package fileownertest

import (
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
	"github.com/doks-auth/doks-auth/pkg/internal/openfile"
)

// CheckPrivate returns an error if a file or directory belongs to another user or gives others access.
func CheckPrivate(path string) error {
	f, err := openfile.Open(path, openfile.NoWait, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return fileowner.CheckPrivate(f, info)
}
