//go:build unix

package fileowner

import (
	"io/fs"
	"syscall"
)

// HasLinks reports whether a file has several names, hard links.
func HasLinks(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}
