package kubeconfig

import (
	"io/fs"
	"os"
)

// keepOwner has nothing to do: a new file belongs to whom its directory says.
func keepOwner(*os.File, fs.FileInfo) fs.FileMode { return 0o777 }

// syncDir has nothing to do: directories can't be synced.
func syncDir(string) {}
