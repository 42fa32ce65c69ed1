package oidc

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// Way is how somebody can sign in. In the zero Way nobody can.
type Way struct {
	// Open opens a browser. nil: there is none. Somebody who reads Out can sign in with another one: with a code, if the
	// provider supports that (RFC 8628), or if that browser reaches Port of this machine.
	Open func(ctx context.Context, url string) error

	// Out is where somebody reads what to do; nil: nobody does.
	Out io.Writer

	// Paste is where somebody can paste the address that a browser on another machine ends at; nil: nowhere.
	Paste io.Reader

	Port    int           // of the redirect URI http://localhost:PORT/callback; 0: DefaultPort
	Time    time.Duration // how long somebody may take; 0: only the context bounds it
	Timeout time.Duration // bounds each step that depends on nobody; 0: only the context does

	// Reason says why nobody can sign in, if neither Open nor Out is set.
	Reason error
}

// IsPossible reports whether somebody can sign in.
func (w Way) IsPossible() bool { return w.Open != nil || w.Out != nil }

// DefaultPort is the port that is registered at providers for DigitalOcean's own client, doctl.
const DefaultPort = 8080

// quiet is how long nobody is asked to sign in again after a sign-in that wasn't completed, and maxQuiet after many.
const (
	quiet    = 10 * time.Minute
	maxQuiet = 8 * time.Hour
)

// brief is the time in which nobody is asked to sign in for a third time, although they did, whatever became of the ID
// tokens.
const brief = time.Minute

// isWithin reports whether a time is less than d ago. Clocks may have been set meanwhile.
func isWithin(d time.Duration, at, now time.Time) bool { return now.Sub(at).Abs() < d }

// NeededError means that somebody must sign in, but can't. Its class is Refused.
type NeededError struct {
	Client Client
	Reason error // why nobody can
}

// Error returns a message with the provider and the reason.
func (e *NeededError) Error() string {
	if e.Reason == nil {
		return fmt.Sprintf("signing in at %s is necessary", show.URL(e.Client.Issuer))
	}
	return fmt.Sprintf("signing in at %s is necessary, but not possible here: %v", show.URL(e.Client.Issuer), e.Reason)
}

// Unwrap returns the reason, and that the error holds only here: somewhere else, somebody may be able to sign in.
func (e *NeededError) Unwrap() []error { return []error{e.Reason, credential.ErrUnremembered} }

// AttemptError means that somebody must sign in, but that a recent sign-in was left unanswered or failed. Its class is
// Refused.
type AttemptError struct {
	Client Client
	Ago    time.Duration
	Reason string // why the sign-in failed; "" if it wasn't completed
}

// Error returns a message with the provider and what became of the sign-in.
func (e *AttemptError) Error() string {
	what := "wasn't completed"
	if e.Reason != "" {
		what = "failed: " + e.Reason
	}
	return fmt.Sprintf("the sign-in at %s that began %s ago %s", show.URL(e.Client.Issuer), e.Ago.Round(time.Second), what)
}

// Unwrap returns that [credential.Cached] needn't remember what the session does.
func (e *AttemptError) Unwrap() error { return credential.ErrUnremembered }

// mayAsk returns an error unless somebody may be asked to sign in.
func (s *Session) mayAsk(ctx context.Context, r *record, way Way) error {
	now := s.sessions.now()
	switch {
	case r.Attempt != nil && isWithin(r.Attempt.quiet(), r.Attempt.At, now):
		return refused(&AttemptError{s.Client, max(now.Sub(r.Attempt.At), 0), r.Attempt.Reason})
	case len(r.Sealed) > 0 && isWithin(brief, r.Before, now): // or the browser would open again and again
		return refused(&AttemptError{s.Client, max(now.Sub(r.Since), 0), "its ID token can't be used any more"})
	}
	if !way.IsPossible() {
		return refused(&NeededError{s.Client, way.Reason})
	}
	// With so little time, the caller is renewing an ID token that is still valid.
	const enough = 10 * time.Second
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < enough {
		return &credential.Error{Class: credential.Unreachable, Err: s.failed("signing in", hurriedError{})}
	}
	return nil
}

// hurriedError means that nobody was asked to sign in, because that takes longer. A caller with more time asks.
type hurriedError struct{}

// Error implements error.
func (hurriedError) Error() string { return "there is too little time" }

// Unwrap returns what keeps others from being told that.
func (hurriedError) Unwrap() error { return credential.ErrUnremembered }

func refused(err error) error { return &credential.Error{Class: credential.Refused, Err: err} }
