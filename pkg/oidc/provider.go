package oidc

import (
	"context"
	"errors"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Provider provides a session's ID token as a credential for a cluster. It implements [credential.Provider] and
// [credential.Replacer].
type Provider struct {
	Session *Session
	Cluster Cluster // its Server and CertificateAuthority may be unknown
	Way     Way     // how somebody can sign in

	// After excludes ID tokens that were fetched before that time, unless another sign-in would be needed less than ten
	// minutes after the last one: then any valid one is used.
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

// unusable returns the error for an answer that can't be used.
func (s *Session) unusable(err error) error {
	return &credential.Error{Class: credential.Unusable, Err: s.failed("using the ID token", err)}
}
