//go:build unix

package digitalocean

import (
	"io/fs"
	"os"
	"syscall"
)

// isOwn tells whether a file is this user's or root's.
func isOwn(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid == 0 || int(stat.Uid) == os.Geteuid())
}
