package privatefile

import "github.com/doks-auth/doks-auth/pkg/internal/atomicfile"

// Rename renames a file within its directory, replacing any file there.
func Rename(from, to string) error { return atomicfile.Rename(from, to) }
