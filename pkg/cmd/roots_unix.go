//go:build unix

package cmd

import (
	"io/fs"
	"syscall"
)

// isRoots reports whether a file belongs to root, and only root can write it.
func isRoots(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0 && info.Mode().Perm()&0o022 == 0
}
