//go:build unix

package kubeconfig

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner of another, where the process may: root edits for others.
func keepOwner(f *os.File, of fs.FileInfo) {
	if stat, ok := of.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		f.Chown(int(stat.Uid), int(stat.Gid))
	}
}

// syncDir makes what happened to a directory's names survive a power failure, where it can.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}
