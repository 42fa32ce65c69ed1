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

// Provider provides a session's ID token as a credential for a cluster. It implements [credential.Provider] and
// [credential.Replacer].
type Provider struct {
	Session *Session
	Cluster Cluster // its Server and CertificateAuthority may be unknown
	Way     Way     // how somebody can sign in

	// After excludes ID tokens that were fetched before that time. But if somebody would have to sign in for that, who
	// did so in the last ten minutes, a valid one is good enough.
	After time.Time
}

// Credential implements [credential.Provider]. Errors are [*credential.Error] where their class is known; it is
// Refused if somebody must sign in and can't: see [NeededError] and [AttemptError].
func (p *Provider) Credential(ctx context.Context) (credential.Credential, error) {
	r, t, err := p.Session.live(ctx, p.Way, p.After)
	if err != nil {
		return credential.Credential{}, err
	}
	return credential.Credential{
		Server: p.Cluster.Server, CertificateAuthority: p.Cluster.CertificateAuthority,
		Token: t.id, FetchedAt: r.FetchedAt, ExpiresAt: r.ExpiresAt,
	}, nil
}

// Replace implements [credential.Replacer]: the ID token is another one than old's.
func (p *Provider) Replace(ctx context.Context, old credential.Credential) (credential.Credential, error) {
	other := *p
	if other.After.Before(old.FetchedAt) || other.After.Equal(old.FetchedAt) {
		other.After = old.FetchedAt.Add(1)
	}
	return other.Credential(ctx)
}

// Leeway returns how long before its expiry a credential is due for renewal, for [credential.Cached]. It is short if
// only another sign-in can replace the ID token.
func (s *Session) Leeway() time.Duration {
	if s.SignedIn && !s.Refreshes {
		return time.Second
	}
	return 0
}

// lifetime returns the ID token's times as a credential's.
func (r *record) lifetime() credential.Credential {
	return credential.Credential{FetchedAt: r.FetchedAt, ExpiresAt: r.ExpiresAt}
}

// answers reports whether the ID token can be used, and needn't be replaced yet.
func (r *record) answers(now, after time.Time) bool {
	if len(r.Sealed) == 0 || r.FetchedAt.Before(after) {
		return false
	}
	return r.lifetime().Fresh(now) || !r.Refreshes && r.lifetime().Valid(now)
}

// live returns a session with an ID token that can be used. It refreshes the session, or has somebody sign in, if it
// must.
func (s *Session) live(ctx context.Context, way Way, after time.Time) (*record, tokens, error) {
	r, t, err := s.renewed(ctx, way, after)
	if !errors.Is(err, errEnded) {
		return r, t, err
	}
	s.sessions.log().Info("somebody must sign in", "at", s.Issuer, "reason", err)
	unlock, err := s.lockSignIn(ctx, way)
	if err != nil {
		return nil, tokens{}, err
	}
	defer unlock()
	r, t, err = s.renewed(ctx, way, after)
	if !errors.Is(err, errEnded) {
		return r, t, err
	}
	if now := s.sessions.now(); !t.id.IsZero() && r.lifetime().Valid(now) && isWithin(quiet, r.Since, now) {
		s.sessions.log().Warn("somebody has just signed in; the ID token isn't replaced", "at", s.Issuer, "reason", err)
		return r, t, nil
	}
	if err := s.mayAsk(ctx, r, way); err != nil {
		return nil, tokens{}, err
	}
	return s.signIn(ctx, way)
}

// errEnded means that a session can't be refreshed, or that there is none.
var errEnded = errors.New("nobody is signed in")

// renewed returns a session with an ID token that can be used, refreshed if it must be. The error wraps errEnded if
// somebody must sign in for that.
func (s *Session) renewed(ctx context.Context, way Way, after time.Time) (*record, tokens, error) {
	r, t, err := s.load(ctx)
	switch {
	case err != nil || r.answers(s.sessions.now(), after):
		return r, t, err
	case t.refresh.IsZero():
		return r, t, errEnded
	}
	newer, refreshed, err := s.refreshed(ctx, way, after)
	if err != nil && after.IsZero() && r.lifetime().Valid(s.sessions.now()) {
		s.sessions.log().Warn("the session wasn't refreshed; its ID token is still valid", "at", s.Issuer, "reason", err)
		return r, t, nil
	}
	return newer, refreshed, err
}

// refreshed is renewed for a session that another process may be refreshing.
func (s *Session) refreshed(ctx context.Context, way Way, after time.Time) (*record, tokens, error) {
	unlock, err := s.lockRecord(ctx)
	if err != nil {
		return nil, tokens{}, err
	}
	defer unlock()
	r, t, err := s.load(ctx)
	if err != nil || r.answers(s.sessions.now(), after) {
		return r, t, err
	}
	return r, t, s.refresh(ctx, way, r, &t)
}

// lockRecord waits for the lock that whoever changes the session's record holds: nobody for long.
func (s *Session) lockRecord(ctx context.Context) (unlock func(), err error) {
	return s.lock(ctx, s.recordName(), "waiting for another process that uses the session")
}

// lockSignIn waits for the lock that whoever has somebody sign in holds, and says so if that takes long.
func (s *Session) lockSignIn(ctx context.Context, way Way) (unlock func(), err error) {
	return s.lockLong(ctx, way, s.recordName()+"-sign-in")
}

// lockLong waits for a lock that another process holds while somebody signs in.
func (s *Session) lockLong(ctx context.Context, way Way, name string) (unlock func(), err error) {
	const doing = "waiting for another process that is signing in"
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	unlock, err = s.lock(short, name, doing)
	if err == nil || short.Err() == nil || ctx.Err() != nil {
		return unlock, err
	}
	if way.Out != nil {
		fmt.Fprintln(way.Out, "Waiting for another process that is signing in.")
	}
	return s.lock(ctx, name, doing)
}

func (s *Session) lock(ctx context.Context, name, doing string) (unlock func(), err error) {
	unlock, err = s.sessions.state().Lock(ctx, name)
	switch {
	case err == nil:
		return unlock, nil
	case ctx.Err() != nil:
		return nil, s.failed(doing, inTime(ctx, err))
	}
	return nil, &KeepError{show.Reason(err)}
}

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

// unusable returns the error for an answer that can't be used.
func (s *Session) unusable(err error) error {
	return &credential.Error{Class: credential.Unusable, Err: s.failed("using the ID token", err)}
}
