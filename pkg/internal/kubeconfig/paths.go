package kubeconfig

import (
	"path/filepath"
	"slices"
)

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
