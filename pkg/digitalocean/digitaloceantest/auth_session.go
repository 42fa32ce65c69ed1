package digitaloceantest

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Grant is what a client gets at the start of a session, and from each refresh.
type Grant struct {
	AccessToken, RefreshToken string
	ExpiresAt                 time.Time // of the access token
	ClientID                  string
	Scope                     string // separated by spaces
}

// session is a user's sign-in at a client.
type session struct {
	user     User
	clientID string
	scopes   []string
	access   []string // all access tokens
	refresh  string   // the refresh token that hasn't been used
	ended    bool
}

// Start starts a session without a browser, as if the user had signed in with doctl. It has all scopes that the API
// knows if none are given.
func (s *AuthServer) Start(user User, scopes ...string) Grant {
	if len(scopes) == 0 {
		scopes = allScopes()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[clientOfStart] == nil {
		s.clients[clientOfStart] = &oauthClient{"doctl", registeredRedirects()}
	}
	return s.issue(&session{user: user, clientID: clientOfStart, scopes: scopes}, scopes)
}

// Refresh refreshes a session, as its client would. Its error begins with OAuth's error code, such as invalid_grant.
func (s *AuthServer) Refresh(refreshToken string) (Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clientID := clientOfStart
	if session := s.refreshTokens[refreshToken]; session != nil {
		clientID = session.clientID
	}
	grant, _, err := s.refresh(refreshToken, clientID, "")
	return grant, err
}

// refresh issues the session's next tokens. The access token has the given scopes, or all the session's if
// scope is empty. s.mu must be held.
func (s *AuthServer) refresh(refreshToken, clientID, scope string) (Grant, *session, error) {
	if err := s.knownClient(clientID); err != nil {
		return Grant{}, nil, err
	}
	session := s.refreshTokens[refreshToken]
	switch {
	case session == nil:
		return Grant{}, nil, badRequest("invalid_grant", "the refresh token is unknown")
	case session.clientID != clientID:
		return Grant{}, nil, badRequest("invalid_grant", "the refresh token was issued to another client")
	case session.refresh != refreshToken:
		s.reuses++
		s.end(session)
		return Grant{}, nil, badRequest("invalid_grant", "the refresh token has already been used")
	case session.ended:
		return Grant{}, nil, badRequest("invalid_grant", "the session has ended")
	}
	scopes := session.scopes
	if scope != "" {
		scopes = strings.Fields(scope)
		for _, scope := range scopes {
			if !slices.Contains(session.scopes, scope) {
				return Grant{}, nil, badRequest("invalid_scope", "the user didn't grant "+scope)
			}
		}
	}
	s.refreshes++
	return s.issue(session, scopes), session, nil
}

// issue issues new tokens for a session. Older access tokens live on until they expire. s.mu must be held.
func (s *AuthServer) issue(session *session, scopes []string) Grant {
	grant := Grant{
		AccessToken:  "doo_v1_" + randomHex(),
		RefreshToken: "dor_v1_" + randomHex(),
		ExpiresAt:    s.api.now().Add(s.accessLifetime()).UTC(),
		ClientID:     session.clientID,
		Scope:        strings.Join(scopes, " "),
	}
	session.access = append(session.access, grant.AccessToken)
	session.refresh = grant.RefreshToken
	s.accessTokens[grant.AccessToken] = session
	s.refreshTokens[grant.RefreshToken] = session
	s.api.admit(grant.AccessToken, bearer{session.user, slices.Clone(scopes), grant.ExpiresAt})
	return grant
}

func (s *AuthServer) accessLifetime() time.Duration {
	if s.AccessLifetime > 0 {
		return s.AccessLifetime
	}
	return DefaultAccessLifetime
}

// end ends a session: none of its tokens are accepted any more. s.mu must be held.
func (s *AuthServer) end(session *session) {
	session.ended = true
	for _, token := range session.access {
		s.api.dismiss(token)
	}
}

// EndSession ends the session that an access or refresh token belongs to, as the user can do in the control panel.
func (s *AuthServer) EndSession(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if session := s.sessionOf(token); session != nil {
		s.end(session)
	}
}

// SessionAlive reports whether an access or refresh token, even an expired or used one, belongs to a session
// that hasn't ended.
func (s *AuthServer) SessionAlive(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.sessionOf(token)
	return session != nil && !session.ended
}

// Alive reports whether a session can be refreshed with the token: it hasn't been used, and the session hasn't ended.
func (s *AuthServer) Alive(refreshToken string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.refreshTokens[refreshToken]
	return session != nil && !session.ended && session.refresh == refreshToken
}

// sessionOf returns the session that a token belongs to, or nil. s.mu must be held.
func (s *AuthServer) sessionOf(token string) *session {
	if session := s.refreshTokens[token]; session != nil {
		return session
	}
	return s.accessTokens[token]
}

// randomHex returns 64 random hexadecimal digits, the form of DigitalOcean's tokens and client IDs.
func randomHex() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
