package cmd

import "io/fs"

// isRoots returns false: the variables that it is called for have no effect on Windows.
func isRoots(fs.FileInfo) bool { return false }
