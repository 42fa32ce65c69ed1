package oidc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// refresh replaces the tokens of a session. The record's lock must be held. The error wraps errEnded if that can't be
// done.
func (s *Session) refresh(ctx context.Context, way Way, r *record, t *tokens) error {
	if t.refresh.IsZero() {
		return errEnded
	}
	answered := s.sessions.waiting("%s, to refresh the session", show.URL(s.Issuer))
	defer answered()
	step, end := limited(ctx, way.Timeout)
	defer end()
	provider, err := s.discover(step)
	if err != nil {
		return err
	}
	place, err := s.reserve(step)
	if err != nil {
		return err
	}
	defer place.Close()
	const enough = time.Second
	if deadline, ok := step.Deadline(); ok && time.Until(deadline) < enough || step.Err() != nil {
		return s.failed("refreshing the session", inTime(step, context.DeadlineExceeded))
	}
	if s.sessions.Hold != nil {
		release := s.sessions.Hold()
		defer release()
	}
	s.sessions.log().Info("refreshing the session", "at", s.Issuer, "expires_at", r.ExpiresAt)
	// The answer must not be lost because somebody has less time.
	step, end = limited(context.WithoutCancel(ctx), way.Timeout)
	defer end()
	asked := s.sessions.now()
	grant, err := provider.client.Refresh(step, provider.Token, s.ID, t.refresh)
	isRefused := oauth.IsCode(err, "invalid_grant")
	if err != nil && !isRefused {
		return err
	}
	t.refresh = grant.Refresh
	s.keepRefreshed(step, place.Write, r, *t)
	if isRefused {
		return fmt.Errorf("%w: %w", errEnded, err)
	}
	verified, err := provider.verify(step, grant, "", asked)
	switch {
	case errors.Is(err, errNoIDToken): // OpenID Connect Core 1.0, section 12.2, allows that
		t.refresh, err = credential.Secret{}, fmt.Errorf("%w: %w", errEnded, err)
	case err != nil:
		return err
	case verified.user.Subject != r.User.Subject:
		t.refresh, err = credential.Secret{}, fmt.Errorf("%w: the ID token is another user's", errEnded)
	default:
		verified.fill(r, t)
	}
	s.keepRefreshed(step, func(v any) error { return s.sessions.state().Write(s.recordName(), v) }, r, *t)
	return err
}

// keepRefreshed keeps a refreshed session. If that fails, there is still an ID token.
func (s *Session) keepRefreshed(ctx context.Context, write func(any) error, r *record, t tokens) {
	if err := s.keep(ctx, write, r, t); err != nil {
		s.sessions.log().Warn("the refreshed session can't be kept", "at", s.Issuer, "reason", err)
	}
}

// keep writes a record with tokens.
func (s *Session) keep(ctx context.Context, write func(any) error, r *record, t tokens) error {
	if err := s.seal(ctx, r, t); err != nil {
		return err
	}
	return write(r)
}

// KeepError means that a session can't be kept. That is known before anybody is asked to sign in or a session is
// refreshed, unless it became so meanwhile.
type KeepError struct{ Err error }

// Error returns a message with the cause.
func (e *KeepError) Error() string { return "the state directory can't be written: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *KeepError) Unwrap() error { return e.Err }

// reserve makes sure that the session can be kept: a refresh token is single use.
func (s *Session) reserve(ctx context.Context) (*statedir.Reservation, error) {
	if _, err := s.sessions.state().Random(ctx, keyRecord); err != nil {
		return nil, &KeepError{show.Reason(err)}
	}
	place, err := s.sessions.state().Reserve(s.recordName())
	if err != nil {
		return nil, &KeepError{show.Reason(err)}
	}
	return place, nil
}
