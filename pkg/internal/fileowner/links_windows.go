package fileowner

import "io/fs"

// HasLinks returns false: Windows doesn't say cheaply.
func HasLinks(fs.FileInfo) bool { return false }
