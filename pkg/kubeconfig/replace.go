package kubeconfig

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// resolve returns where a path leads: a link's target, also one that isn't there yet.
func resolve(path string) (string, error) {
	target, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return target, err
	}
	link, err := os.Readlink(path)
	if err != nil {
		return path, nil
	}
	if !filepath.IsAbs(link) {
		link = filepath.Join(filepath.Dir(path), link)
	}
	return link, nil
}

// replaceFile puts a text in place of a file's, wholly or not at all. A link stays a link, and the
// file's permissions stay; a new file is its owner's alone. The lock of the file must be held.
func replaceFile(path string, text []byte) (err error) {
	path, err = resolve(path)
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
	temp, err := os.CreateTemp(dir, tempPrefix(name)+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(temp.Name())
		}
	}()
	if _, err := temp.Write(text); err != nil {
		return err
	}
	if err := temp.Chmod(mode); err != nil {
		return err
	}
	if info != nil {
		keepOwner(temp, info)
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
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
