//go:build unix

package fileownertest

import "os"

// LetOthersRead lets the file's group read it, too.
func LetOthersRead(path string) error { return os.Chmod(path, 0o640) }

// KeepPrivate keeps others from reading and writing a file.
func KeepPrivate(path string) error { return os.Chmod(path, 0o600) }

// LetOthersWrite lets everybody write a file, too.
func LetOthersWrite(path string) error { return os.Chmod(path, 0o602) }
