package kubeconfig

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Files returns which of the files there are, or, with missing set, which there aren't.
func (c *Config) Files(missing bool) []string {
	var paths []string
	for _, f := range c.files {
		if f.missing == missing {
			paths = append(paths, f.path)
		}
	}
	return paths
}

// Paths returns the files that make up the kubeconfig, by the rules of kubectl: the explicit one, those
// of $KUBECONFIG, or ~/.kube/config. It is empty when there is no home directory either.
func Paths(explicit string, getenv func(string) string, home string) []string {
	if explicit != "" {
		return []string{explicit}
	}
	var paths []string
	for _, path := range filepath.SplitList(getenv("KUBECONFIG")) {
		if path != "" && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 && home != "" {
		paths = []string{filepath.Join(home, ".kube", "config")}
	}
	return paths
}

// file is one of the files.
type file struct {
	path    string
	missing bool
	*document
}

// maxFile bounds what is read; a cluster takes some two kilobytes.
const maxFile = 64 << 20

func readFile(path string) (*file, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		document, err := parse(nil)
		return &file{path: path, missing: true, document: document}, err
	}
	if err != nil {
		return nil, reason(err)
	}
	if path == os.DevNull {
		document, err := parse(nil)
		return &file{path: path, document: document}, err
	}
	if !info.Mode().IsRegular() { // a pipe, say, would be waited for
		return nil, errors.New("it is not a regular file")
	}
	if info.Size() > maxFile {
		return nil, errors.New("it is too large for a kubeconfig")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, reason(err)
	}
	document, err := parse(text)
	return &file{path: path, document: document}, err
}

// Change is what an edit makes of a file.
type Change struct {
	Path     string
	Old, New []byte
}

// Changes returns what was edited since Read, and isn't written yet.
func (c *Config) Changes() ([]Change, error) {
	var changes []Change
	for _, f := range c.files {
		if len(f.splices) == 0 && f.err == nil {
			continue
		}
		text, err := f.apply()
		if err != nil {
			return nil, fmt.Errorf("editing kubeconfig %q: %w", f.path, err)
		}
		old := f.text
		if f.missing {
			old = nil
		}
		changes = append(changes, Change{f.path, old, text})
	}
	return changes, nil
}

// Edit reads the files under kubectl's lock, lets edit change what they say, and writes those that it
// changed. It waits for the lock until ctx ends.
func Edit(ctx context.Context, paths []string, edit func(*Config) error) error {
	unlock, unlockable, err := lockAll(ctx, paths)
	if err != nil {
		return err
	}
	defer unlock()
	c, err := Read(paths)
	if err != nil {
		return err
	}
	if err := edit(c); err != nil {
		return err
	}
	changes, err := c.Changes()
	if err != nil {
		return err
	}
	for _, change := range changes {
		target, _ := resolve(change.Path)
		if err := cmp.Or(unlockable[canonical(change.Path)], unlockable[target]); err != nil {
			return fmt.Errorf("locking kubeconfig %q: %w", change.Path, reason(err))
		}
		if err := replaceFile(change.Path, change.New); err != nil {
			return fmt.Errorf("writing kubeconfig %q: %w", change.Path, reason(err))
		}
	}
	return nil
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
