//go:build unix

package cmd

import (
	"io/fs"
	"syscall"
)

// isRoots tells whether a file is root's, and nobody else may write it.
func isRoots(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0 && info.Mode().Perm()&0o022 == 0
}
