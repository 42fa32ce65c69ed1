package cachedir

import (
	"os"
	"path/filepath"
)

// EnvVar is the environment variable that names the directory.
const EnvVar = "DOKS_AUTH_CACHE_DIR"

// Default returns the directory to use where none is named: $DOKS_AUTH_CACHE_DIR, doks-auth under
// kubectl's cache directory $KUBECACHEDIR, or that under home. A relative path is passed over,
// since it would be another directory in each working directory. It is empty when none is left.
func Default(getenv func(string) string, home string) string {
	if dir := getenv(EnvVar); filepath.IsAbs(dir) {
		return dir
	}
	if dir := getenv("KUBECACHEDIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "doks-auth")
	}
	if filepath.IsAbs(home) {
		return filepath.Join(home, ".kube", "cache", "doks-auth")
	}
	return ""
}

// ForUser returns what Default does. But root, who may have another user's environment (sudo -E), leaves that
// user's directories alone, where its files would be in the way: if what Default returns is below another
// user's home, or its nearest ancestor that exists is another user's, it is the one under the home directory
// that rootHome returns. $DOKS_AUTH_CACHE_DIR is heeded all the same. rootHome is called only then.
func ForUser(getenv func(string) string, home string, rootHome func() string) string {
	dir := Default(getenv, home)
	if os.Geteuid() != 0 || dir == "" || dir == getenv(EnvVar) {
		return dir
	}
	if isAnothers(dir) || isBelow(dir, home) && isAnothers(home) {
		return Default(func(string) string { return "" }, rootHome())
	}
	return dir
}

// isAnothers tells whether what is at path, or else its nearest ancestor that exists, is another user's.
func isAnothers(path string) bool {
	_, info, err := nearest(path)
	return err != nil || !ownedByUs(info)
}

func isBelow(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
