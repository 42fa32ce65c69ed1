package digitalocean

import "io/fs"

// isOwn can't tell: a file's owner is in its access control list, which lets the user read it.
func isOwn(fs.FileInfo) bool { return true }
