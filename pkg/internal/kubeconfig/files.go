package kubeconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
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
	place   *place      // where an edit found it; nil when it is only read
	info    fs.FileInfo // which file an edit read; nil when there was none
	missing bool
	*document
}

// maxFile bounds what is read; a cluster takes some two kilobytes.
const maxFile = 64 << 20

func readFile(path string) (*file, error) {
	text, err := boundedfile.Read(path, maxFile)
	return newFile(path, text, err)
}

// newFile returns the file of that text, if reading it didn't fail.
func newFile(path string, text []byte, err error) (*file, error) {
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing && path != os.DevNull { // which stands for no kubeconfig
		return nil, reason(err)
	}
	document, err := parse(text)
	return &file{path: path, missing: missing, document: document}, err
}

// Change is what an edit makes of a file.
type Change struct {
	Path string
	New  []byte
}

// Changes returns what was edited since Read, and isn't written yet.
func (c *Config) Changes() ([]Change, error) {
	var changes []Change
	for _, f := range c.edited() {
		text, err := f.apply()
		if err != nil {
			return nil, fmt.Errorf("editing kubeconfig %q: %w", f.path, err)
		}
		changes = append(changes, Change{f.path, text})
	}
	return changes, nil
}

func (c *Config) edited() []*file {
	return slices.DeleteFunc(slices.Clone(c.files), func(f *file) bool { return len(f.splices) == 0 && f.err == nil })
}
