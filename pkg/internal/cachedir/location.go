package cachedir

import (
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/internal/userdir"
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
	if dir := userdir.Under(getenv("KUBECACHEDIR"), "doks-auth"); dir != "" {
		return dir
	}
	return userdir.Under(home, ".kube", "cache", "doks-auth")
}

// ForUser returns the same as Default, except for root with another user's environment; see
// [userdir.Finder.ForUser]. $DOKS_AUTH_CACHE_DIR still takes precedence.
func ForUser(getenv func(string) string, home string, rootHome func() string) string {
	if dir := getenv(EnvVar); filepath.IsAbs(dir) {
		return dir
	}
	return userdir.Finder(Default).ForUser(getenv, home, rootHome)
}
