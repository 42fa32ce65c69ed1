// Package fileowner says whose files are.
package fileowner

import (
	"io/fs"
	"os"
	"runtime"
)

// IsOwn reports whether a file belongs to this user. On Windows it is always true, because only an open file says whose
// it is: see CheckPrivate and IsOwnOrRoots.
func IsOwn(info fs.FileInfo) bool {
	uid, known := Of(info)
	return known && uid == os.Geteuid() || runtime.GOOS == "windows"
}

// IsRoots reports whether a file belongs to root. On Windows it never does.
func IsRoots(info fs.FileInfo) bool {
	uid, known := Of(info)
	return known && uid == 0
}
