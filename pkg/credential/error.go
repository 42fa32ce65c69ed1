package credential

import (
	"errors"
	"time"
)

// Class says what kind of failure an Error is. Programs decide by it; the command line derives
// its exit code from it.
type Class string

// The classes.
const (
	Other       Class = ""            // anything else
	Usage       Class = "usage"       // a bad flag or request, no cluster named, no access token
	Refused     Class = "refused"     // the API refused the access token (401, 403)
	NotFound    Class = "not-found"   // there is no such cluster (404)
	Unreachable Class = "unreachable" // network failure, timeout, 429, 5xx: may pass by itself
	Unusable    Class = "unusable"    // an answer that can't be used
	Unsafe      Class = "unsafe"      // refused for safety's sake
)

// Error is a failure with its class, and what is known of it beyond the text.
type Error struct {
	Class Class
	Err   error // nil: the class is all that is known

	// Status is the HTTP status with which the API answered, and ClockSkew is by how much the local clock is
	// ahead of the API's, where that may be why an answer looks expired. 0: neither.
	Status    int
	ClockSkew time.Duration
}

// Error returns the text of the wrapped error.
func (e *Error) Error() string {
	if e.Err == nil {
		return "failed: " + string(e.Class)
	}
	return e.Err.Error()
}

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of the first *Error in err's tree; Other when there is none.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Other
}
