package cachedir

import (
	"os"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
)

// EnvVar is the environment variable for the directory.
const EnvVar = "DOKS_AUTH_CACHE_DIR"

// Default returns the default directory: $DOKS_AUTH_CACHE_DIR, or doks-auth in
// kubectl's cache directory, $KUBECACHEDIR or ~/.kube/cache. Relative paths are ignored, since they
// would depend on the working directory. It returns "" if there is no absolute path.
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

// ForUser returns the same as Default, except for root with another user's environment (sudo -E), whose
// files would get in that user's way. If the default directory is below another
// user's home, or its nearest existing ancestor belongs to another user, ForUser returns the one below
// rootHome() instead. $DOKS_AUTH_CACHE_DIR still takes precedence. rootHome is called only if needed.
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

// isAnothers reports whether path, or its nearest existing ancestor, belongs to another user.
func isAnothers(path string) bool {
	_, info, err := nearest(path)
	return err != nil || !fileowner.IsOwn(info)
}

func isBelow(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
