package cachedir

import "path/filepath"

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
