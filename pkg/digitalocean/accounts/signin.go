package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/signin"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// DefaultIssuer is DigitalOcean's authorization server.
const DefaultIssuer = "https://cloud.digitalocean.com"

// DefaultScopes are the scopes that doks-auth uses: to list clusters, to get credentials, and to tell accounts apart.
func DefaultScopes() []string {
	return []string{"kubernetes:read", "kubernetes:access_cluster", "account:read"}
}

// SignInRequest says how to sign in.
type SignInRequest struct {
	Issuer string   // the authorization server; "": DefaultIssuer
	Scopes []string // nil: DefaultScopes

	Open  func(ctx context.Context, url string) error // opens a browser; nil: none is opened
	Out   io.Writer                                   // tells people what to do
	Paste io.Reader                                   // where people may paste the address that the browser ends at; nil: nowhere
}

// SignedIn is the result of signing in: who signed in, and a session or an access token. It contains secrets that
// don't print.
type SignedIn struct {
	API     string // the API's address
	User    digitalocean.User
	Scopes  []string // of a session
	session session
}

// SignIn has somebody sign in with a browser, at an authorization server that supports OAuth 2 with PKCE (RFC 7636)
// and dynamic registration of clients (RFC 7591). It registers once, and keeps that in the state directory. The result
// has no User yet if the server doesn't say who it is; see Identify.
func (s Sources) SignIn(ctx context.Context, request SignInRequest) (SignedIn, error) {
	if request.Issuer == "" {
		request.Issuer = DefaultIssuer
	}
	if request.Scopes == nil {
		request.Scopes = DefaultScopes()
	}
	client := s.oauthClient()
	server, err := client.Discover(ctx, request.Issuer)
	if err != nil {
		return SignedIn{}, err
	}
	in, err := s.signIn(ctx, client, server, request)
	if oauth.Gone(err) { // the server has forgotten the registration
		s.forgetRegistration(server)
		in, err = s.signIn(ctx, client, server, request)
	}
	if err != nil && ctx.Err() != nil {
		// If the server has forgotten the registration, it may show that in the browser only.
		s.forgetRegistration(server)
	}
	return in, err
}

func (s *Sources) signIn(
	ctx context.Context, client *oauth.Client, server oauth.Server, request SignInRequest,
) (SignedIn, error) {
	clientID, err := s.registration(ctx, client, server)
	if err != nil {
		return SignedIn{}, err
	}
	state, verifier := rand.Text(), oauth.NewVerifier()
	var in SignedIn
	err = signin.Request{
		URL: func(redirectURI string) string {
			return server.AuthorizeURL(clientID, redirectURI, state, verifier, request.Scopes)
		},
		State:  state,
		Issuer: server.Issuer,
		Open:   request.Open,
		Out:    request.Out,
		Paste:  request.Paste,
	}.Do(ctx, func(ctx context.Context, code, redirectURI string) error {
		grant, err := client.Exchange(ctx, server, clientID, credential.NewSecret(code), verifier, redirectURI)
		if err != nil {
			return err
		}
		if grant.Refresh.IsZero() {
			return &credential.Error{
				Class: credential.Unusable,
				Err:   fmt.Errorf("signing in at %q: the session can't be refreshed", server.Issuer),
			}
		}
		in = newSignedIn(grant, server, clientID, request.Scopes)
		return nil
	})
	return in, err
}

func newSignedIn(grant oauth.Grant, server oauth.Server, clientID string, asked []string) SignedIn {
	scope := grant.Scope
	if scope == "" { // as requested (RFC 6749, section 5.1)
		scope = strings.Join(asked, " ")
	}
	return SignedIn{
		User: digitalocean.User{
			UUID: grant.User.UUID, Email: grant.User.Email,
			TeamUUID: grant.User.TeamUUID, TeamName: grant.User.TeamName,
		},
		Scopes: strings.Fields(scope),
		session: session{
			Access: grant.Access, Refresh: grant.Refresh, ExpiresAt: grant.ExpiresAt,
			Issuer: server.Issuer, ClientID: clientID, TokenEndpoint: server.Token, Scope: scope,
		},
	}
}

// WithToken returns the result of signing in with an access token that somebody has.
func WithToken(token credential.Secret) SignedIn { return SignedIn{session: session{Access: token}} }

// Bearer returns the access token for calls to the API before the sign-in is saved.
func (in SignedIn) Bearer() digitalocean.Bearer {
	return digitalocean.AccessToken{Secret: in.session.Access, Source: "signing in"}
}

// registrationRecord is a registration at an authorization server.
type registrationRecord struct {
	Issuer   string `json:"issuer"`
	ClientID string `json:"client_id"`
}

func registrationName(server oauth.Server) string {
	digest := sha256.Sum256([]byte(server.Issuer))
	return "registrations/" + hex.EncodeToString(digest[:16])
}

// registration returns our client id at an authorization server. It registers if there is none.
func (s *Sources) registration(ctx context.Context, client *oauth.Client, server oauth.Server) (string, error) {
	unlock, err := s.state().Lock(ctx, registrationName(server))
	if err != nil {
		return "", fmt.Errorf("keeping the registration at %q: %w", server.Issuer, err)
	}
	defer unlock()
	var record registrationRecord
	if s.state().Read(registrationName(server), &record) == nil && record.Issuer == server.Issuer &&
		record.ClientID != "" {
		return record.ClientID, nil
	}
	id, err := client.Register(ctx, server, "doks-auth", "https://github.com/doks-auth/doks-auth")
	if err != nil {
		return "", err
	}
	return id, s.state().Write(registrationName(server), registrationRecord{server.Issuer, id})
}

func (s *Sources) forgetRegistration(server oauth.Server) { s.state().Remove(registrationName(server)) }

// MissingScopes returns the scopes of DefaultScopes that a session lacks.
func MissingScopes(scopes []string) []string {
	return slices.DeleteFunc(DefaultScopes(), func(scope string) bool { return slices.Contains(scopes, scope) })
}

// Logout revokes the session of a login, and removes the login. An access token that a person brought isn't revoked:
// it may be in use elsewhere. revokeErr says why a session wasn't revoked.
func (s Sources) Logout(ctx context.Context, name string) (revokeErr, err error) {
	k := &loginSession{&s, name}
	unlock, err := k.lock(ctx)
	if err != nil && !errors.Is(err, statedir.ErrNone) {
		return nil, fmt.Errorf("signing out of the login %q: %w", name, err)
	}
	if err == nil {
		defer unlock()
	}
	l, err := s.readLogin(name)
	if err != nil {
		return nil, err
	}
	if l.Kind == kindSession {
		revokeErr = k.revoke(ctx)
	}
	if l.Item != "" {
		if err := s.keyring().Delete(ctx, l.Item); err != nil && revokeErr == nil {
			s.log().Warn("the login's key stays in the keyring", "reason", err)
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

// revoke revokes the session's tokens.
func (k *loginSession) revoke(ctx context.Context) error {
	_, _, session, err := k.read(ctx)
	if err != nil {
		return err
	}
	client := k.oauthClient()
	server, err := client.Discover(ctx, session.Issuer)
	if err != nil {
		return err
	}
	err = client.Revoke(ctx, server.Revocation, session.Refresh)
	if accessErr := client.Revoke(ctx, server.Revocation, session.Access); err == nil && !isRefused(accessErr) {
		err = accessErr // it may have been revoked with the refresh token, or have expired
	}
	return err
}

func isRefused(err error) bool { return credential.ClassOf(err) == credential.Refused }
