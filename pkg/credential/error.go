package credential

import (
	"errors"
	"time"
)

// Class is the kind of failure of an Error. Programs can decide by it; the command line derives
// its exit code from it.
type Class string

// The classes.
const (
	Other       Class = ""            // anything else
	Usage       Class = "usage"       // a bad flag or request, no cluster named, no access token
	Refused     Class = "refused"     // the API refused the access token (401, 403)
	NotFound    Class = "not-found"   // no such cluster (404)
	Unreachable Class = "unreachable" // network failure, timeout, 429, 5xx; may be transient
	Unusable    Class = "unusable"    // the answer can't be used
	Unsafe      Class = "unsafe"      // refused for safety
)

// Error is an error with a class and, where known, details for programs.
type Error struct {
	Class Class
	Err   error // nil: the class is all that is known

	// Status is the HTTP status of the API's answer. ClockSkew is how far the local clock is ahead of the API's,
	// if that may be why an answer looks expired. 0 means unknown.
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

// ClassOf returns the class of the first *Error in err's tree, or Other if there is none.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Other
}

// StatusOf returns the status of the first *Error in err's tree, or 0 if there is none.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}

// ErrUnremembered is wrapped by an error of a provider that [Cached] shouldn't remember: the next caller may be better
// off, or the provider itself remembers.
var ErrUnremembered = errors.New("not remembered")
