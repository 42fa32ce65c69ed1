package oidc

import (
	"context"
	"errors"

	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// SignOut ends the session, at the provider as far as that supports it, and here even if the provider fails to: remoteErr
// says why. Clusters accept the ID token until it expires. The client stays recorded.
func (s *Session) SignOut(ctx context.Context) (remoteErr, err error) {
	unlock, err := s.sessions.state().Lock(ctx, s.recordName())
	if err != nil {
		return nil, s.failed("signing out", inTime(ctx, show.Reason(err)))
	}
	defer unlock()
	r, t, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if len(r.Sealed) > 0 {
		remoteErr = s.endRemotely(ctx, t)
	}
	r = &record{Issuer: r.Issuer, ClientID: r.ClientID, Root: statedir.NewRandom()}
	if err := s.sessions.state().Write(s.recordName(), r); err != nil {
		return remoteErr, s.failed("signing out", show.Reason(err))
	}
	*s = *s.sessions.session(r)
	return remoteErr, nil
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
	return errors.Join(revokeErr, endErr)
}
