package cmd

import (
	"os"
	"os/exec"
	"path/filepath"
)

// Executable returns the absolute path of this program, which was called as called. It prefers the path by
// which the user finds the program, even if that is a link: an upgrade may replace what it links to.
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
