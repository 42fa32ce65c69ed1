package kubeconfig

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/internal/atomicfile"
)

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

// replaceFile puts a text in place of a file's, wholly or not at all. A link stays a link, and the
// file's permissions stay; a new file is its owner's alone. The lock of the file must be held.
func replaceFile(path string, text []byte) error {
	path, err := resolve(path)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o600)
	info, err := os.Stat(path)
	if err == nil {
		mode = info.Mode().Perm()
		if !info.Mode().IsRegular() {
			return errors.New("it is not a regular file")
		}
	}
	dir, name := filepath.Dir(path), filepath.Base(path)
	removeLeftovers(dir, name)
	err = atomicfile.Replace(path, text, tempPrefix(name)+"*", func(f *os.File) error {
		if info != nil {
			mode &= keepOwner(f, info)
		}
		return f.Chmod(mode)
	})
	if err != nil {
		return err
	}
	syncDir(dir)
	return nil
}

func tempPrefix(name string) string { return "." + name + ".doks-auth-" }

// removeLeftovers removes what a process that was killed left in the place of its new file. Who holds
// the lock has no living rival.
func removeLeftovers(dir, name string) {
	leftovers, err := siblings(filepath.Join(dir, tempPrefix(name)))
	if err != nil {
		return
	}
	for _, leftover := range leftovers {
		os.Remove(leftover)
	}
}

// siblings returns the files whose paths start so.
func siblings(prefix string) ([]string, error) {
	dir, name := filepath.Dir(prefix), filepath.Base(prefix)
	files, err := os.ReadDir(dir)
	var found []string
	for _, file := range files {
		if strings.HasPrefix(file.Name(), name) {
			found = append(found, filepath.Join(dir, file.Name()))
		}
	}
	return found, err
}
