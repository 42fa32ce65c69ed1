package accounts

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// Revoker revokes cluster tokens at the authorization servers of the accounts for which they were minted. It calls
// nothing else, and is not safe for concurrent use.
//
// DigitalOcean documents that an access token revokes itself. For cluster tokens it documents nothing, and a server may
// also answer that it revoked a token that it doesn't know (RFC 7009, section 2.2).
type Revoker struct {
	sources Sources
	servers map[string]*revokingServer // by issuer
}

// revokingServer is an authorization server.
type revokingServer struct {
	oauth.Server
	down bool // it didn't answer, or wants no more calls: the next one would fail, too
}

// Revoker returns a Revoker.
func (s Sources) Revoker() *Revoker {
	return &Revoker{sources: s, servers: make(map[string]*revokingServer)}
}

// Find finds an account's authorization server, and returns its issuer. An error means that Revoke can't succeed.
func (r *Revoker) Find(ctx context.Context, a *Account) (issuer string, err error) {
	s, err := r.find(ctx, a)
	if err != nil {
		return "", err
	}
	return s.Issuer, nil
}

func (r *Revoker) find(ctx context.Context, a *Account) (*revokingServer, error) {
	issuer, err := a.issuer(ctx)
	if err != nil {
		return nil, fmt.Errorf("finding the authorization server of %s: %w", a.Source, err)
	}
	s := r.servers[issuer]
	if s == nil {
		found, err := r.sources.oauthClient().Discover(ctx, issuer)
		if err != nil {
			return nil, err
		}
		s = &revokingServer{Server: found}
		r.servers[issuer] = s
	}
	if s.down {
		return nil, &credential.Error{
			Class: credential.Unreachable,
			Err:   fmt.Errorf("not asking the authorization server at %s again: it didn't answer before", show.URL(issuer)),
		}
	}
	return s, nil
}

// Revoke asks an account's authorization server to revoke a cluster token. Without an error, the server says that it
// did. If oauth.Lost reports true for the error, it may have.
func (r *Revoker) Revoke(ctx context.Context, a *Account, token credential.Secret) error {
	s, err := r.find(ctx, a)
	if err != nil {
		return err
	}
	defer r.sources.waiting("the authorization server")()
	err = r.sources.oauthClient().Revoke(ctx, s.Revocation, token)
	class, status := credential.ClassOf(err), credential.StatusOf(err)
	switch {
	case err == nil:
		return nil
	case class == credential.Unreachable:
		s.down = status == 0 || status == http.StatusTooManyRequests
	case class == credential.Other && status != 0, status >= 400 && status <= 499:
		// Whatever it objects to, it has refused to revoke the token.
		return &credential.Error{Class: credential.Refused, Status: status, Err: err}
	}
	return err
}

// issuer returns the account's authorization server: its session's, or else DigitalOcean's. An API on this machine is a
// stand-in or a tunnel. It has to forward what concerns its tokens, since they are nobody else's business.
func (a *Account) issuer(ctx context.Context) (string, error) {
	found := ""
	switch {
	case a.login != nil && a.login.Kind == kindSession:
		s, err := a.keeper().load(ctx)
		if err != nil {
			return "", err
		}
		found = s.Issuer
	case a.IsSession():
		found = a.doctl.session(a.Context).Issuer
	case digitalocean.IsLoopback(a.API):
		found = a.API
	}
	return cmp.Or(found, DefaultIssuer), nil
}
