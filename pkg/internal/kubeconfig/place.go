package kubeconfig

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
)

// place is where a file is: a name in an open directory. What is read, locked and written there is so in
// that one directory, also when a link or a directory of its path is replaced meanwhile.
type place struct {
	dir  *os.Root
	name string
}

// openPlace opens the directory of a file, and makes it where it is missing.
func openPlace(path string) (place, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return place{}, err
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	return place{dir, filepath.Base(path)}, err
}

// beside returns the place of another file in the same directory.
func (p place) beside(name string) place { return place{p.dir, name} }

// path returns where the place was when it was opened.
func (p place) path() string { return filepath.Join(p.dir.Name(), p.name) }

// spot is one of the names of a file: a path, and where that leads.
type spot struct {
	path  string
	place place
}

// addSpots adds names of the file that lead elsewhere than those that are known: hard links of it.
func (f *file) addSpots(spots []spot) {
	for _, s := range spots {
		isKnown := func(known spot) bool { return known.place.path() == s.place.path() }
		if !slices.ContainsFunc(f.spots, isKnown) {
			f.spots = append(f.spots, s)
		}
	}
}

// read returns what the regular file there holds, and which file it is. It follows no link.
func (p place) read(limit int64) ([]byte, fs.FileInfo, error) {
	f, err := p.dir.OpenFile(p.name, readFlags, 0)
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

// siblings returns the regular files in the directory whose names start so.
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

// errMoved is the error of an edit whose file was replaced or changed while it was made: by a program that
// knows no locks, or by somebody who wants it to write one file's text into another.
var errMoved = errors.New("it was changed by somebody else meanwhile; try again")

// resolve returns where a path leads: a link's target, also one that isn't there yet.
func resolve(path string) (string, error) {
	for range maxLinks {
		path = canonical(path)
		link, err := os.Readlink(path)
		if err != nil {
			return path, nil // it isn't a link, or isn't there
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(path), link)
		}
		path = link
	}
	return "", errors.New("too many levels of symbolic links")
}

const maxLinks = 40

// canonical returns the one spelling of a path that all its spellings have, but for a link at its end.
func canonical(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return abs
	}
	return filepath.Join(dir, filepath.Base(abs))
}

// reason returns an error of the file system without the path, which the message has already.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
