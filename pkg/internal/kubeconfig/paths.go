package kubeconfig

import (
	"path/filepath"
	"slices"
)

// Paths returns the kubeconfig's files by kubectl's rules: the explicit one, those of $KUBECONFIG, or
// ~/.kube/config. There is none if the home directory is unknown as well.
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
