//go:build unix

package fileowner

import (
	"io/fs"
	"syscall"
)

// Of returns the user id of a file's owner. It is unknown if info isn't the operating system's.
func Of(info fs.FileInfo) (uid int, known bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
