//go:build unix

package digitalocean

import (
	"io/fs"
	"os"
	"syscall"
)

// isOwn reports whether a file is owned by this user or root.
func isOwn(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}
