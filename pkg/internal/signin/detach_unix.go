//go:build unix

package signin

import (
	"os/exec"
	"syscall"
)

// detach keeps a Ctrl-C that is meant for us from the browser.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
