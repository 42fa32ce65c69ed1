package oidctest

import (
	"net/url"
	"slices"
	"strings"
)

// session is the user's sign-in at the client.
type session struct {
	user    User
	scopes  []string
	nonce   string // of the authentication request; empty if a device started the session
	begun   bool   // tokens have been issued
	refresh string // the refresh token that hasn't been used; empty if there is none
	ended   bool
}

// refreshable reports whether a session gets refresh tokens: if the client asked for offline_access, or if the
// provider has no such scope. i.mu must be held.
func (i *Issuer) refreshable(session *session) bool {
	return !i.lacks("refresh") && (session.offline() || i.lacks("offline_access"))
}

// offline reports whether the session is to go on after the user has logged out.
func (s *session) offline() bool { return slices.Contains(s.scopes, "offline_access") }

// refresh issues a session's next tokens (RFC 6749, section 6; OpenID Connect Core 1.0, section 12). i.mu must be held.
func (i *Issuer) refresh(form url.Values, fault string) (map[string]any, *oauthError) {
	if err := required(form, "refresh_token"); err != nil {
		return nil, err
	}
	presented := form.Get("refresh_token")
	session := i.refreshTokens[presented]
	switch {
	case session == nil:
		return nil, refused("invalid_grant", "the refresh token is unknown")
	case session.refresh != presented:
		i.reuses++
		session.ended = true
		return nil, refused("invalid_grant", "the refresh token has already been used")
	case session.ended:
		return nil, refused("invalid_grant", "the session has ended")
	}
	for _, scope := range strings.Fields(form.Get("scope")) {
		if !slices.Contains(session.scopes, scope) {
			return nil, refused("invalid_scope", "the user didn't grant "+scope)
		}
	}
	i.refreshes++
	if session.user.Subject == i.user.Subject {
		session.user = i.user
	}
	return i.issue(session, fault), nil
}
