package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
)

// Executable returns the absolute path of this program, which was called by that name: as the user
// finds it, where that is a link, since a link is what stays in its place when the program is upgraded.
func Executable(called string) (string, error) {
	own, err := os.Executable()
	if err != nil {
		return "", err
	}
	found, err := exec.LookPath(called)
	if err != nil {
		return own, nil
	}
	found, err = filepath.Abs(found)
	if err != nil || !sameFile(own, found) {
		return own, nil
	}
	return found, nil
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}
