//go:build (dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd

package keyring

import (
	"errors"
	"fmt"
	"os"
	"strings"

	ss "github.com/zalando/go-keyring/secret_service"
)

// check returns an error if the keyring certainly can't be used. In such cases the library itself would start a bus, or
// wait until somebody unlocks the keyring.
func check() error {
	if err := checkBus(); err != nil {
		return err
	}
	service, err := ss.NewSecretService()
	if err != nil {
		return fmt.Errorf("%w: connecting to the session bus: %w", errNone, err)
	}
	locked, err := service.GetLoginCollection().GetProperty("org.freedesktop.Secret.Collection.Locked")
	if err == nil {
		if isLocked, ok := locked.Value().(bool); ok && isLocked {
			return ErrLocked
		}
		return nil
	}
	// The bus tried to start a Secret Service for the question above.
	var isThere bool
	err = service.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "org.freedesktop.secrets").Store(&isThere)
	if err == nil && !isThere {
		return errNone
	}
	return nil // it may still do what the library asks of it
}

// checkBus returns an error unless the library will find a running bus on a Unix socket. Over any other transport,
// secrets would cross the network in clear text. The library looks for the bus in the same places; if it finds none, it
// runs dbus-launch, which leaves a bus running.
func checkBus() error {
	address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
	if address == "" || address == "autolaunch:" {
		if _, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid())); err != nil {
			return fmt.Errorf("%w: there is no session bus", errNone)
		}
		return nil
	}
	for part := range strings.SplitSeq(address, ";") {
		if !strings.HasPrefix(part, "unix:") {
			return errors.New("the session bus is not a Unix socket")
		}
	}
	return nil
}

// isLocked reports whether a call failed because the keyring is locked, which check has ruled out.
func isLocked(error) bool { return false }
