// Package oauth is a client of an OAuth 2.0 authorization server (RFC 6749) for public clients: programs on a
// user's machine, which can't keep a client secret (RFC 8252). They register themselves (RFC 7591), sign in
// with PKCE (RFC 7636), and refresh with tokens that are valid only once (RFC 9700, section 4.14.2).
//
// Each request is sent at most once, except for metadata. Redirects aren't followed, and answers are bounded. An
// error shows neither what was sent nor what may be a secret in an answer.
package oauth

import (
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Client calls authorization servers. The zero value is ready to use.
type Client struct {
	HTTP      http.RoundTripper // nil: like http.DefaultTransport, but without HTTP/2, and a proxy for https only
	Now       func() time.Time  // nil: time.Now
	UserAgent string            // "": that of net/http
}

// Server is an authorization server: its issuer and endpoints, all of them URLs.
type Server struct {
	Issuer        string
	Authorization string
	Token         string
	Registration  string
	Revocation    string
}

// NewVerifier returns a new random code verifier (RFC 7636, section 4.1). Each sign-in needs its own.
func NewVerifier() credential.Secret { return credential.NewSecret(oauth2.GenerateVerifier()) }

// AuthorizeURL returns the address to open in a browser to sign in. It contains the verifier only as a hash (S256).
// The state must be random: the browser brings it back to redirectURI, which proves that the sign-in is this one.
func (s Server) AuthorizeURL(
	clientID, redirectURI, state string, verifier credential.Secret, scopes []string, more ...oauth2.AuthCodeOption,
) string {
	config := oauth2.Config{
		ClientID:    clientID,
		Endpoint:    oauth2.Endpoint{AuthURL: s.Authorization},
		RedirectURL: redirectURI,
		Scopes:      scopes,
	}
	return config.AuthCodeURL(state, append(more, oauth2.S256ChallengeOption(verifier.Reveal()))...)
}

// Grant is the result of a sign-in or a refresh.
type Grant struct {
	Access    credential.Secret
	Refresh   credential.Secret // for the next refresh; empty if the session can't be refreshed
	ExpiresAt time.Time         // of Access, in whole seconds; zero if unknown
	Scope     string            // separated by spaces; "" if the answer has none, and they are as requested
	IDToken   credential.Secret // of OpenID Connect, not verified; empty if there is none
	Date      time.Time         // when the server answered, by its own clock; zero if it doesn't say
	User      User
}

// User is whom a grant is for, as DigitalOcean's server says. Each text has at most 1 KiB, may be empty, and may
// contain anything, even control characters.
type User struct {
	Name, Email, UUID  string
	TeamUUID, TeamName string
}

func (c *Client) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}
