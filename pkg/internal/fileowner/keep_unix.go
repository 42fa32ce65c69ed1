//go:build unix

package fileowner

import (
	"io/fs"
	"os"
	"syscall"
)

// Keep gives a file the owner and group of the one at path where the process may: root edits for others. It returns
// the permissions that may stay: a group's aren't for another group.
func Keep(f *os.File, of fs.FileInfo, _ string) fs.FileMode {
	const all, notGroup = 0o777, 0o707
	stat, ok := of.Sys().(*syscall.Stat_t)
	if !ok {
		return notGroup
	}
	if os.Geteuid() == 0 {
		f.Chown(int(stat.Uid), -1)
	}
	if f.Chown(-1, int(stat.Gid)) != nil {
		return notGroup
	}
	return all
}
