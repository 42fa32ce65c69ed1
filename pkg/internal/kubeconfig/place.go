package kubeconfig

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
)

// place is where a file is: a name in an open directory. Reads, locks and writes all happen in that one directory,
// even if a link or a directory on its path is replaced in the meantime.
type place struct {
	dir  *os.Root
	name string
}

// openPlace opens the directory of a file, and creates a missing one.
func openPlace(path string) (place, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return place{}, err
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	return place{dir, filepath.Base(path)}, err
}

// beside returns the place of another file in the same directory.
func (p place) beside(name string) place { return place{p.dir, name} }

// path returns the place's path when it was opened.
func (p place) path() string { return filepath.Join(p.dir.Name(), p.name) }

// spot is one of the names of a file: a path, and where that leads.
type spot struct {
	path  string
	place place
}

// addSpots adds those names of the file that lead to other places than the known ones: hard links.
func (f *file) addSpots(spots []spot) {
	for _, s := range spots {
		if !slices.ContainsFunc(f.spots, func(known spot) bool { return known.place.equals(s.place) }) {
			f.spots = append(f.spots, s)
		}
	}
}

// equals reports whether two places are the same, also if their directory is mounted twice.
func (p place) equals(other place) bool {
	here, err := p.dir.Stat(".")
	there, otherErr := other.dir.Stat(".")
	return p.name == other.name && err == nil && otherErr == nil && os.SameFile(here, there)
}

// read returns the contents of the regular file there, and which file it is. It follows no link.
func (p place) read(limit int64) ([]byte, fs.FileInfo, error) {
	f, err := p.dir.OpenFile(p.name, boundedfile.Flags, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if now, err := p.dir.Lstat(p.name); err != nil || !os.SameFile(info, now) {
		return nil, nil, errMoved // it is a link, by now
	}
	text, err := boundedfile.ReadFrom(f, limit)
	return text, info, err
}

// siblings returns the regular files in the directory whose names have that prefix.
func (p place) siblings(prefix string) []place {
	files, err := fs.ReadDir(p.dir.FS(), ".")
	if err != nil {
		return nil
	}
	var found []place
	for _, file := range files {
		if strings.HasPrefix(file.Name(), prefix) && file.Type().IsRegular() {
			found = append(found, p.beside(file.Name()))
		}
	}
	return found
}

// errMoved reports that a file was replaced or changed during an edit: by a program that takes no lock, or by an
// attacker who wants one file's text in another.
var errMoved = errors.New("another program changed it meanwhile; try again")

// resolve returns where a path leads: a link's target, even a missing one.
func resolve(path string) (string, error) {
	for range maxLinks {
		path = canonical(path)
		link, err := os.Readlink(path)
		if err != nil {
			return path, nil // it isn't a link, or is missing
		}
		if !filepath.IsAbs(link) { // not cleaned: what precedes .. may be a link
			link = filepath.Dir(path) + string(filepath.Separator) + link
		}
		path = link
	}
	return "", errors.New("too many levels of symbolic links")
}

const maxLinks = 40

// canonical returns the absolute path without links and dots, but for a link at its end.
func canonical(path string) string {
	dir, name := directory(path), filepath.Base(path)
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		path = filepath.Join(target, name)
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// directory returns a path's directory. It isn't cleaned: what precedes .. may be a link, or missing.
func directory(path string) string {
	dir, _ := filepath.Split(path)
	return cmp.Or(dir, ".")
}
