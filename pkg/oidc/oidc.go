// Package oidc signs people in at an OpenID provider, for Kubernetes clusters whose API servers accept the provider's
// ID tokens (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#openid-connect-tokens).
//
// A [Session] is one sign-in for one client of a provider. All clusters of that client share it, and so do all
// processes with the same state directory. A [Provider] provides its ID token as a credential: the one that is kept,
// while it is fresh; else a refreshed one; else that of a new sign-in, if somebody can sign in.
//
// Guaranteed:
//   - An ID token is used only after its signature, issuer, audience and times have been verified, and after a sign-in
//     in a browser its nonce (OpenID Connect Core 1.0, section 3.1.3.7). It expires when its exp says so.
//   - One process at a time refreshes a session, and one has somebody sign in. The others wait, and take the result.
//   - A refresh token isn't sent again after the provider has answered. The next one is kept before anything else can
//     fail.
//   - Except by [Session.SignIn], nobody is asked to sign in within ten minutes of a sign-in that was left unanswered,
//     refused or failed, within twenty of the next one, and so on up to eight hours; or more than twice a minute.
//   - Only ID tokens and refresh tokens are kept, sealed. Access tokens of the provider are discarded.
//
// Not guaranteed: secrecy from anybody who can read this user's files, which hold the key, too; and that ID tokens end
// when the provider signs their user out or blocks them.
package oidc

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/serverurl"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// Client is a client of an OpenID provider. It is public: it has no secret.
type Client struct {
	Issuer string // of the provider, exactly as in its ID tokens: an https URL, or http on a loopback address
	ID     string // the audience of the ID tokens
}

// maxClientID bounds the length of a client's id, in bytes. Those of large providers have about 70.
const maxClientID = 255

// Check returns an error unless the client can be one: of class Unsafe for an issuer in clear text, else of class
// Usage.
func (c Client) Check() error {
	u, err := serverurl.Parse(c.Issuer)
	parsed, parseErr := url.Parse(c.Issuer)
	isOdd := func(r rune) bool { return r <= ' ' || r > '~' }
	switch {
	case err != nil || parseErr != nil || !strings.Contains(c.Issuer, "://") || parsed.User != nil ||
		parsed.RawQuery != "" || parsed.Fragment != "" || strings.ContainsFunc(c.Issuer, isOdd):
		return usageError(errors.New("the issuer is not of the form https://host/path"))
	case !serverurl.IsPrivate(u):
		return &credential.Error{
			Class: credential.Unsafe, Err: fmt.Errorf("refusing to use the issuer %s: it is not https", show.URL(c.Issuer)),
		}
	case c.ID == "" || len(c.ID) > maxClientID || strings.ContainsFunc(c.ID, isOdd):
		return usageError(errors.New("the client id is not a word of printable characters"))
	}
	return nil
}

func usageError(err error) error { return &credential.Error{Class: credential.Usage, Err: err} }

// User is who signed in, as the ID token says. Texts contain printable characters only.
type User struct {
	Subject string   `json:"subject"`
	Email   string   `json:"email,omitempty"`
	Roles   []string `json:"roles,omitempty"` // the claim team_role
}

// printable returns a text without what isn't printable, and not too long.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, text)
	const most = 255 // of a subject (OpenID Connect Core 1.0, section 2); an email address has fewer
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// Sessions are the sessions in a state directory.
type Sessions struct {
	// StateDir returns the state directory. It is called when that is needed. It is required.
	StateDir func() string

	// Hold is called before a session is refreshed, and what it returns afterwards. In between, the program should
	// neither end nor be interrupted: the session could be lost. nil: nothing is done.
	Hold func() (release func())

	// OnWait is called before a wait that may be long, with what is waited for, and what it returns afterwards. nil:
	// nothing is done.
	OnWait func(reason string) (done func())

	Transport http.RoundTripper // for calls to providers; nil: one like http.DefaultTransport
	UserAgent string            // of these calls
	Now       func() time.Time  // nil: time.Now
	Log       *slog.Logger      // nil: silent
}

func (s *Sessions) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Sessions) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Sessions) state() *statedir.Dir {
	if s.StateDir == nil {
		return statedir.Open("")
	}
	return statedir.Open(s.StateDir())
}

func (s *Sessions) oauthClient() *oauth.Client {
	return &oauth.Client{HTTP: s.Transport, UserAgent: s.UserAgent, Now: s.now}
}

// waiting announces a wait, until the function that it returns is called.
func (s *Sessions) waiting(format string, args ...any) (done func()) {
	if s.OnWait == nil {
		return func() {}
	}
	return s.OnWait(fmt.Sprintf(format, args...))
}
