// Package fileowner says whose files are.
package fileowner

import (
	"io/fs"
	"os"
	"runtime"
)

// IsOwn reports whether a file belongs to this user. On Windows it is always true: the access control list that
// files inherit says who may read them.
func IsOwn(info fs.FileInfo) bool {
	uid, known := Of(info)
	return known && uid == os.Geteuid() || runtime.GOOS == "windows"
}

// IsRoots reports whether a file belongs to root. On Windows it never does.
func IsRoots(info fs.FileInfo) bool {
	uid, known := Of(info)
	return known && uid == 0
}
