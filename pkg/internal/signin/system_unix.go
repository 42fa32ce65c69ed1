//go:build unix

package signin

import (
	"errors"
	"os/exec"
)

// systemBrowser is for Windows.
func systemBrowser(string) (*exec.Cmd, error) { return nil, errors.ErrUnsupported }
