package oidc

import (
	"context"
	"errors"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// SignIn has somebody sign in, even if there is a session or a sign-in has just failed. It is for commands that a
// person types. If another process is having somebody sign in, SignIn waits for that, and takes the result. With a
// Way that needs no browser of this machine it doesn't wait.
func (s *Session) SignIn(ctx context.Context, way Way) error {
	before, err := s.read()
	if err != nil {
		return err
	}
	if way.Open != nil {
		unlock, err := s.lockSignIn(ctx, way)
		if err != nil {
			return err
		}
		defer unlock()
	}
	r, _, err := s.load(ctx)
	isNew := err == nil && !r.Since.Equal(before.Since) && r.answers(s.sessions.now(), time.Time{})
	if err == nil && !isNew {
		r, _, err = s.signIn(ctx, way)
	}
	if err != nil {
		return err
	}
	*s = *s.sessions.session(r)
	return nil
}

// signIn has somebody sign in.
func (s *Session) signIn(ctx context.Context, way Way) (*record, tokens, error) {
	step, end := limited(ctx, way.Timeout)
	defer end()
	provider, err := s.discover(step)
	if err != nil {
		return nil, tokens{}, err
	}
	if err := provider.checkPage(); err != nil {
		return nil, tokens{}, err
	}
	place, err := s.reserve(step)
	if err != nil {
		return nil, tokens{}, err
	}
	defer place.Close()
	began := false
	r, t, err := provider.ask(ctx, way, place, func() {
		began = true
		s.note(ctx, func(last *attempt, now time.Time) *attempt { return last.next(now) })
	})
	if err != nil && began && !errors.Is(err, context.Canceled) {
		reason := printable(reasonOf(err).Error())
		s.note(ctx, func(last *attempt, now time.Time) *attempt { return last.failed(now, reason) })
		err = &notedError{err}
	}
	return r, t, err
}

// notedError is the failure of a sign-in, which the record remembers.
type notedError struct{ error }

// Unwrap returns the failure, and what keeps others from remembering it: they wouldn't know when somebody has signed
// in.
func (e *notedError) Unwrap() []error { return []error{e.error, credential.ErrUnremembered} }

// reasonOf returns what failed.
func reasonOf(err error) error {
	if needed, ok := errors.AsType[*NeededError](err); ok {
		return needed.Reason
	}
	return err
}

// note remembers what change makes of the last attempt to sign in. It is best effort: the record can be written, or
// nobody would have been asked.
func (s *Session) note(ctx context.Context, change func(last *attempt, now time.Time) *attempt) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := s.update(ctx, func(r *record) error {
		r.Attempt = change(r.Attempt, s.sessions.now().UTC().Truncate(time.Second))
		return s.sessions.state().Write(s.recordName(), r)
	})
	if err != nil {
		s.sessions.log().Warn("the sign-in can't be remembered", "at", s.Issuer, "reason", err)
	}
}
