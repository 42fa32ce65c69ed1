//go:build unix

package fileowner

import (
	"io/fs"
	"syscall"
)

// HasLinks reports whether the file at path has several names, hard links.
func HasLinks(info fs.FileInfo, _ string) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}
