// Package userdir finds a user's directories.
package userdir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
)

// A Finder returns a directory by the environment and the home directory, either of which may say nothing. It returns
// "" if there is none.
type Finder func(getenv func(string) string, home string) string

// ForUser returns the directory that find finds, except for root with another user's environment (sudo -E), whose
// files would get in that user's way. If the directory is below another user's home, or its nearest existing ancestor
// belongs to another user, ForUser returns the one below rootHome() instead. rootHome is called only if needed.
func (find Finder) ForUser(getenv func(string) string, home string, rootHome func() string) string {
	dir := find(getenv, home)
	if os.Geteuid() != 0 || dir == "" {
		return dir
	}
	if isAnothers(dir) || isBelow(dir, home) && isAnothers(home) {
		return find(func(string) string { return "" }, rootHome())
	}
	return dir
}

// isAnothers reports whether path, or its nearest existing ancestor, belongs to another user.
func isAnothers(path string) bool {
	_, info, err := Nearest(path)
	return err != nil || !fileowner.IsOwn(info)
}

func isBelow(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// Nearest returns path if it exists, or else its nearest existing ancestor.
func Nearest(path string) (found string, info fs.FileInfo, err error) {
	for found = path; ; found = filepath.Dir(found) {
		info, err = os.Stat(found)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || filepath.Dir(found) == found {
			return found, info, err
		}
	}
}

// Under joins a path under dir. It returns "" if dir isn't absolute: the path would depend on the working directory.
func Under(dir string, elem ...string) string {
	if !filepath.IsAbs(dir) {
		return ""
	}
	return filepath.Join(append([]string{dir}, elem...)...)
}
