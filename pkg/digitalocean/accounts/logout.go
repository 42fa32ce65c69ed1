package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// Logout revokes the session of a login, and removes the login even if that fails: revokeErr says why. An access token
// that somebody brought isn't revoked: it may be in use elsewhere.
func (s Sources) Logout(ctx context.Context, name string) (revokeErr, err error) {
	k := &loginSession{&s, name, nil}
	unlock, err := k.lock(ctx, session{})
	if err != nil && !errors.Is(err, statedir.ErrNone) {
		return nil, fmt.Errorf("signing out of the login %q: %w", name, inTime(ctx, err))
	}
	if err == nil {
		defer unlock()
	}
	l, err := s.readLogin(name)
	switch {
	case errors.Is(err, ErrNoLogin), errors.Is(err, ErrLoginName):
		return nil, err
	case err != nil: // the record is broken, and what it said is lost
		l, revokeErr = new(login), err
	case l.Kind == kindSession:
		revokeErr = k.revokeIn(ctx)
	}
	if l.Item != "" {
		if err := s.keyring().Delete(ctx, l.Item); err != nil {
			s.log().Warn("the login's key stays in the keyring; it opens nothing any more", "reason", err)
		}
	}
	if err := s.state().Remove(loginRecord(name)); err != nil {
		return revokeErr, fmt.Errorf("removing the login %q: %w", name, err)
	}
	if s.CurrentLogin() == strings.ToLower(name) {
		return revokeErr, s.state().Remove(currentRecord)
	}
	return revokeErr, nil
}

// revokeIn revokes the session, and leaves time for what follows.
func (k *loginSession) revokeIn(ctx context.Context) error {
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/2)
		defer cancel()
	}
	session, err := k.load(ctx)
	if err != nil {
		return err
	}
	return k.revoke(ctx, session)
}

// revoke revokes a session's tokens. It returns nil if the session has ended.
func (s *Sources) revoke(ctx context.Context, session session) error {
	defer s.waiting("the authorization server")()
	client := s.oauthClient()
	server, err := client.Discover(ctx, session.Issuer)
	if err != nil {
		return err
	}
	err = client.Revoke(ctx, server.Revocation, session.Refresh)
	accessErr := client.Revoke(ctx, server.Revocation, session.Access)
	switch {
	case err == nil && !isRefused(accessErr):
		return accessErr
	case err == nil || !isRefused(err): // if refused: it ended with the refresh token, or it had expired
		return err
	}
	// Either the session has ended, or the server doesn't let a refresh token revoke itself.
	grant, refreshErr := client.Refresh(ctx, server.Token, session.ClientID, session.Refresh)
	switch {
	case oauth.IsCode(refreshErr, "invalid_grant"):
		return nil
	case refreshErr != nil:
		return err
	}
	return client.Revoke(ctx, server.Revocation, grant.Access)
}

func isRefused(err error) bool { return credential.ClassOf(err) == credential.Refused }
