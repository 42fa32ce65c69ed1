//go:build !((dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd)

package keyring

import (
	"errors"
	"os/exec"
)

// check returns nil: these keyrings can't be asked beforehand.
func check() error { return nil }

// isLocked reports whether a call failed because the keyring is locked.
func isLocked(err error) bool {
	// The exit status of macOS's security(1) is the low byte of errSecInteractionNotAllowed (-25308): it would have to
	// ask for the password, but there is no desktop.
	const interactionNotAllowed = 36
	exit, ok := errors.AsType[*exec.ExitError](err)
	return ok && exit.ExitCode() == interactionNotAllowed
}
