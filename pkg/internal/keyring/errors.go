package keyring

import (
	"context"
	"errors"
	"fmt"

	"github.com/zalando/go-keyring"
)

var (
	// ErrNotFound means that the keyring has no secret with that name.
	ErrNotFound = errors.New("it is not in the keyring")

	// ErrUnavailable matches every *Error except one whose cause is the end of the caller's context.
	ErrUnavailable = errors.New("the keyring can't be used")

	// ErrLocked is the cause of an *Error if the keyring is there, but must be unlocked first.
	ErrLocked = errors.New("the keyring is locked")

	errNone = errors.New("there is no keyring")
)

// Error is a failed call.
type Error struct {
	Op   string // "storing", "reading" or "deleting"
	Name string // the secret's
	Err  error  // the cause
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s %q: %v", e.Op, e.Name, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is ErrUnavailable and the keyring is the cause.
func (e *Error) Is(target error) bool {
	isCallers := errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded)
	return target == ErrUnavailable && !isCallers
}

// explain returns an error of the library, or of check, in our words.
func explain(err error) error {
	switch {
	case errors.Is(err, errNone), errors.Is(err, ErrLocked):
		return err
	case errors.Is(err, keyring.ErrUnsupportedPlatform):
		return errNone
	case isLocked(err):
		return ErrLocked
	}
	return fmt.Errorf("the keyring can't be used: %w", err)
}
