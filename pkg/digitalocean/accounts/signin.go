package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/signin"
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

	// Timeout bounds what doesn't depend on the person who signs in; 0: only the context does.
	Timeout time.Duration

	Open func(ctx context.Context, url string) error // opens a browser; nil: none is opened
	Out  io.Writer                                   // tells people what to do

	// Paste is where people may paste the address that the browser ends at; nil: nowhere.
	Paste io.Reader
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
// has no User yet if the server doesn't say who it is; see Identify. Only the context bounds how long that person may
// take.
func (s Sources) SignIn(ctx context.Context, request SignInRequest) (SignedIn, error) {
	if request.Issuer == "" {
		request.Issuer = DefaultIssuer
	}
	if request.Scopes == nil {
		request.Scopes = DefaultScopes()
	}
	client := s.oauthClient()
	step, end := s.step(ctx, request)
	server, err := client.Discover(step, request.Issuer)
	end()
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

// step returns a context for what doesn't depend on the person who signs in. The caller calls end when it is done.
func (s *Sources) step(ctx context.Context, r SignInRequest) (step context.Context, end func()) {
	step, cancel := context.WithCancel(ctx)
	if r.Timeout > 0 {
		step, cancel = context.WithTimeout(ctx, r.Timeout)
	}
	answered := s.waiting("the authorization server")
	return step, func() { answered(); cancel() }
}

func (s *Sources) signIn(
	ctx context.Context, client *oauth.Client, server oauth.Server, request SignInRequest,
) (SignedIn, error) {
	step, end := s.step(ctx, request)
	clientID, err := s.registration(step, client, server)
	end()
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
		ctx, end := s.step(ctx, request)
		defer end()
		grant, err := client.Exchange(ctx, server, clientID, credential.NewSecret(code), verifier, redirectURI)
		if err != nil {
			return err
		}
		if grant.Refresh.IsZero() {
			return &credential.Error{
				Class: credential.Unusable,
				Err: fmt.Errorf("signing in at %s: the answer has no refresh token, so the session can't be kept",
					show.URL(server.Issuer)),
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

// IsSession reports whether the result is a session, and not an access token that somebody had.
func (in SignedIn) IsSession() bool { return !in.session.Refresh.IsZero() }

// Identify asks the API whose the sign-in is. The client has Bearer as its bearer. If the access token lacks the scope
// for that, the user stays the one that the authorization server named, if it did.
func (in *SignedIn) Identify(ctx context.Context, client *digitalocean.Client) error {
	user, err := client.User(ctx)
	if err == nil {
		in.User = user
	}
	if isForbidden(err) {
		return nil
	}
	return err
}

// Discard revokes a session that isn't going to be saved.
func (s Sources) Discard(ctx context.Context, in SignedIn) error {
	if !in.IsSession() {
		return nil
	}
	return s.revoke(ctx, in.session)
}

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
		return "", keepingRegistration(server, inTime(ctx, err))
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
	if err := s.state().Write(registrationName(server), registrationRecord{server.Issuer, id}); err != nil {
		return "", keepingRegistration(server, err)
	}
	return id, nil
}

func keepingRegistration(server oauth.Server, err error) error {
	return fmt.Errorf("keeping the registration at %s: %w", show.URL(server.Issuer), err)
}

func (s *Sources) forgetRegistration(server oauth.Server) { s.state().Remove(registrationName(server)) }

// MissingScopes returns the scopes of DefaultScopes that a session lacks.
func MissingScopes(scopes []string) []string {
	return slices.DeleteFunc(DefaultScopes(), func(scope string) bool { return slices.Contains(scopes, scope) })
}
