package kubeconfig

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
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
	if home = kubectlHome(getenv, home); given == "" && home != "" {
		paths = []string{filepath.Join(home, ".kube", "config")}
	}
	return paths
}

// kubectlHome returns the home directory as kubectl finds it. home is the user's. On Windows, kubectl prefers %HOME%,
// which Git's shell sets, and the drive that an organization gives its users: see HomeDir in client-go's util/homedir.
func kubectlHome(getenv func(string) string, home string) string {
	if runtime.GOOS != "windows" {
		return home
	}
	own, profile, drive := getenv("HOME"), cmp.Or(getenv("USERPROFILE"), home), ""
	if name, path := getenv("HOMEDRIVE"), getenv("HOMEPATH"); name != "" && path != "" {
		drive = name + path
	}
	for _, dir := range []string{own, drive, profile} {
		if dir == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, ".kube", "config")); err == nil {
			return dir
		}
	}
	exists := ""
	for _, dir := range []string{own, profile, drive} {
		if info, err := os.Stat(dir); dir != "" && err == nil {
			if info.IsDir() && info.Mode().Perm()&0o200 != 0 {
				return dir
			}
			exists = cmp.Or(exists, dir)
		}
	}
	return cmp.Or(exists, own, profile, drive)
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
