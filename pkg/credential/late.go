package credential

import (
	"context"
	"fmt"
	"time"
)

// CheckTime is for a [Provider] that had to do something else before its call, such as getting an access token. It
// returns an error of class Unreachable if that took so long that hardly any time is left: less than a second, and less
// than it took. The answer to a call that is made then would probably be lost, and what it minted with it. [Cached]
// doesn't remember the error, because the next caller most likely needn't do the same again.
func CheckTime(ctx context.Context, took time.Duration, doing string) error {
	deadline, ok := ctx.Deadline()
	if !ok || time.Until(deadline) >= min(time.Second, took) {
		return nil
	}
	return &Error{Class: Unreachable, Err: lateError{doing, took}}
}

// lateError means that no time is left.
type lateError struct {
	doing string
	took  time.Duration
}

// Error implements error.
func (e lateError) Error() string {
	return fmt.Sprintf("%s took %s: no time is left to go on", e.doing, e.took.Round(100*time.Millisecond))
}

// Unwrap returns what keeps the error from being remembered.
func (lateError) Unwrap() error { return ErrUnremembered }
