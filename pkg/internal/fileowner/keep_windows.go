package fileowner

import (
	"io/fs"
	"os"
)

// Keep has nothing to do: a new file's owner follows from its directory.
func Keep(*os.File, fs.FileInfo) fs.FileMode { return 0o777 }
