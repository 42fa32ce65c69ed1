package oidc

import (
	"context"
	"errors"
	"fmt"

	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// SignOut ends the session, here and then at the provider as far as that supports it: remoteErr says why the provider
// may keep it. Clusters accept the ID token until it expires. The client stays recorded.
func (s *Session) SignOut(ctx context.Context) (remoteErr, err error) {
	t, err := s.forget(ctx)
	if !t.id.IsZero() || !t.refresh.IsZero() {
		remoteErr = s.endRemotely(ctx, t)
	}
	return remoteErr, err
}

// forget removes the tokens of the session, and returns them.
func (s *Session) forget(ctx context.Context) (tokens, error) {
	unlock, err := s.lockRecord(ctx)
	if err != nil {
		return tokens{}, err
	}
	defer unlock()
	r, t, err := s.load(ctx)
	if err != nil {
		return tokens{}, err
	}
	r = &record{Issuer: r.Issuer, ClientID: r.ClientID, Root: statedir.NewRandom()}
	if err := s.sessions.state().Write(s.recordName(), r); err != nil {
		return t, s.failed("signing out", show.Reason(err))
	}
	*s = *s.sessions.session(r)
	return t, nil
}

// endRemotely tells the provider that the session has ended.
func (s *Session) endRemotely(ctx context.Context, t tokens) error {
	client := s.sessions.oauthClient()
	provider, err := client.DiscoverOpenID(ctx, s.Issuer)
	if err != nil {
		return err
	}
	var revokeErr, endErr error
	if provider.Revocation != "" && !t.refresh.IsZero() {
		revokeErr = client.RevokeFor(ctx, provider.Revocation, s.ID, t.refresh)
	}
	if provider.EndSession != "" {
		endErr = client.EndSession(ctx, provider.EndSession, s.ID, t.id)
	}
	if revokeErr != nil && endErr != nil {
		return fmt.Errorf("%w; %w", revokeErr, endErr)
	}
	return errors.Join(revokeErr, endErr) // of one line
}
