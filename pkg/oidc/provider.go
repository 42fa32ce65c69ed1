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

// Provider provides a session's ID token as a credential for a cluster. It implements [credential.Provider].
type Provider struct {
	Session *Session
	Cluster Cluster // its Server and CertificateAuthority may be unknown
	Way     Way     // how somebody can sign in

	// After excludes ID tokens that were fetched before that time.
	After time.Time
}

// Credential implements [credential.Provider]. Errors are [*credential.Error] where their class is known; it is Refused if
// somebody must sign in and can't: see [NeededError] and [AttemptError].
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

// Leeway returns how long before its expiry a credential is due for renewal, for [credential.Cached]. It is short if only
// another sign-in can replace the ID token.
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
	r, t, err := s.load(ctx)
	if err != nil || r.answers(s.sessions.now(), after) {
		return r, t, err
	}
	unlock, err := s.lock(ctx, way)
	if err != nil {
		return nil, tokens{}, err
	}
	defer unlock()
	r, t, err = s.load(ctx)
	if err != nil || r.answers(s.sessions.now(), after) {
		return r, t, err
	}
	step, end := limited(ctx, way.Timeout)
	err = s.refresh(step, r, &t)
	end()
	switch {
	case err == nil:
		return r, t, nil
	case r.lifetime().Valid(s.sessions.now()) && after.IsZero():
		s.sessions.log().Warn("the session wasn't refreshed; its ID token is still valid", "at", s.Issuer, "reason", err)
		return r, t, nil
	case !errors.Is(err, errEnded):
		return nil, tokens{}, err
	}
	s.sessions.log().Info("somebody must sign in", "at", s.Issuer, "reason", err)
	if err := s.mayAsk(r, way); err != nil {
		return nil, tokens{}, err
	}
	t, err = s.signIn(ctx, r, way)
	return r, t, err
}

// lock waits for the session's lock. Whoever could sign in is told that somebody else is doing that.
func (s *Session) lock(ctx context.Context, way Way) (unlock func(), err error) {
	if way.Out != nil {
		said := time.AfterFunc(time.Second, func() {
			fmt.Fprintf(way.Out, "Waiting for another process that is signing in at %s.\n", show.URL(s.Issuer))
		})
		defer said.Stop()
	}
	unlock, err = s.sessions.state().Lock(ctx, s.recordName())
	if err != nil {
		return nil, s.failed("waiting for another process that is signing in", inTime(ctx, err))
	}
	return unlock, nil
}

// errEnded means that a session can't be refreshed, or that there is none.
var errEnded = errors.New("nobody is signed in")

// refresh replaces the tokens of a session. The session's lock must be held. The error wraps errEnded if that can't be
// done.
func (s *Session) refresh(ctx context.Context, r *record, t *tokens) error {
	if t.refresh.IsZero() {
		return errEnded
	}
	answered := s.sessions.waiting("%s, to refresh the session", show.URL(s.Issuer))
	defer answered()
	provider, err := s.discover(ctx)
	if err != nil {
		return err
	}
	place, err := s.reserve()
	if err != nil {
		return err
	}
	defer place.Close()
	const enough = time.Second
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < enough || ctx.Err() != nil {
		return s.failed("refreshing the session", inTime(ctx, context.DeadlineExceeded))
	}
	if s.sessions.Hold != nil {
		release := s.sessions.Hold()
		defer release()
	}
	s.sessions.log().Info("refreshing the session", "at", s.Issuer, "expires_at", r.ExpiresAt)
	ctx = context.WithoutCancel(ctx) // the answer must not be lost
	asked := s.sessions.now()
	grant, err := provider.client.Refresh(ctx, provider.Token, s.ID, t.refresh)
	if oauth.IsCode(err, "invalid_grant") {
		t.refresh = credential.Secret{}
		if err := s.keep(ctx, place.Write, r, *t); err != nil {
			s.sessions.log().Warn("the end of the session can't be kept", "at", s.Issuer, "reason", err)
		}
		return fmt.Errorf("%w: %w", errEnded, err)
	}
	if err != nil {
		return err
	}
	t.refresh = grant.Refresh
	verified, err := provider.verify(ctx, grant, "", asked)
	if err == nil && verified.user.Subject != r.User.Subject {
		err = s.unusable(errors.New("the ID token is another user's"))
	}
	if err == nil {
		verified.fill(r, t)
	}
	if keepErr := s.keep(ctx, place.Write, r, *t); keepErr != nil {
		s.sessions.log().Warn("the refreshed session can't be kept", "at", s.Issuer, "reason", keepErr)
	}
	if errors.Is(err, errNoIDToken) { // OpenID Connect Core 1.0, section 12.2, allows that
		return fmt.Errorf("%w: %w", errEnded, err)
	}
	return err
}

// keep writes a record with tokens.
func (s *Session) keep(ctx context.Context, write func(any) error, r *record, t tokens) error {
	if err := s.seal(ctx, r, t); err != nil {
		return err
	}
	return write(r)
}

// KeepError means that nobody was asked to sign in, and nothing was refreshed, because the result couldn't be kept.
type KeepError struct{ Err error }

// Error returns a message with the cause.
func (e *KeepError) Error() string { return "the state directory can't be written: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *KeepError) Unwrap() error { return e.Err }

// reserve makes sure that the session can be kept: a refresh token is single use.
func (s *Session) reserve() (*statedir.Reservation, error) {
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
