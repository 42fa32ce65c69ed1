package kubeconfig

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// Paths returns the kubeconfig's files by kubectl's rules: the explicit one, those of $KUBECONFIG, or
// ~/.kube/config. There is none if $KUBECONFIG is nothing but separators, or unset and the home directory is unknown.
func Paths(explicit string, getenv func(string) string, home string) []string {
	if explicit != "" {
		return []string{explicit}
	}
	var paths []string
	given := getenv("KUBECONFIG")
	for _, path := range filepath.SplitList(given) {
		if path != "" && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	if given == "" && home != "" {
		paths = []string{filepath.Join(home, ".kube", "config")}
	}
	return paths
}

// Files returns the paths of the files that exist, or of the missing ones.
func (c *Config) Files(missing bool) []string {
	var paths []string
	for _, f := range c.files {
		if f.missing == missing {
			paths = append(paths, f.path)
		}
	}
	return paths
}

// checkPaths reports a path that is written as a directory's, or one that a shell should have expanded, if no file
// exists. Else such a path is a missing file, as it is for kubectl.
func checkPaths(paths []string) error {
	for _, path := range paths {
		if path != "" && os.IsPathSeparator(path[len(path)-1]) {
			return usageError(&ReadError{path, slashError{}})
		}
	}
	var found *UnexpandedError
	pattern := regexp.MustCompile(`^~[A-Za-z0-9._-]*|(?:^|[/\\])(\$(?:env:)?[A-Za-z_]\w*|\$\{[^}/\\]*\}|%[A-Za-z_]\w*%)`)
	for _, path := range paths {
		if exists(path) {
			return nil
		}
		if parts := pattern.FindStringSubmatch(path); parts != nil && found == nil {
			found = &UnexpandedError{path, cmp.Or(parts[1], parts[0])}
		}
	}
	if found == nil {
		return nil
	}
	return usageError(found)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
