package digitaloceantest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// token exchanges an authorization code, or refreshes a session (RFC 6749, sections 4.1.3 and 6).
func (s *AuthServer) token(r *http.Request) (map[string]any, error) {
	form, err := formOf(r)
	if err != nil {
		return nil, err
	}
	if err := required(form, "grant_type", "client_id"); err != nil {
		return nil, err
	}
	if form.Has("client_secret") {
		return nil, badRequest("invalid_request", "public clients have no client_secret")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.knownClient(form.Get("client_id")); err != nil {
		return nil, err
	}
	var grant Grant
	var session *session
	switch form.Get("grant_type") {
	case "authorization_code":
		grant, session, err = s.exchange(form)
	case "refresh_token":
		if err = required(form, "refresh_token"); err == nil {
			grant, session, err = s.refresh(form.Get("refresh_token"), form.Get("client_id"), form.Get("scope"))
		}
	default:
		err = badRequest("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"access_token":  grant.AccessToken,
		"refresh_token": grant.RefreshToken,
		"token_type":    "bearer",
		"expires_in":    int(s.accessLifetime() / time.Second),
		"scope":         grant.Scope,
		"info": map[string]string{
			"name":      session.user.Name,
			"email":     session.user.Email,
			"uuid":      session.user.UUID,
			"team_uuid": session.user.TeamUUID,
			"team_name": session.user.TeamName,
		},
	}, nil
}

// authorizationCode is a code that the user's browser brings to the client.
type authorizationCode struct {
	authorization
	user      User
	expiresAt time.Time
	used      bool
	session   *session // that the code was exchanged for; nil if it wasn't
}

// exchange starts a session with a code. A client has one attempt: a code is used up even if the attempt
// fails. If a code is presented again, the session that it started ends (RFC 6749, section 4.1.2). s.mu must be held.
func (s *AuthServer) exchange(form url.Values) (Grant, *session, error) {
	if err := required(form, "code", "redirect_uri", "code_verifier"); err != nil {
		return Grant{}, nil, err
	}
	code := s.codes[form.Get("code")]
	if code == nil {
		return Grant{}, nil, badRequest("invalid_grant", "the code is unknown")
	}
	if code.used {
		if code.session != nil {
			s.end(code.session)
		}
		return Grant{}, nil, badRequest("invalid_grant", "the code has already been used")
	}
	code.used = true
	refused := ""
	switch {
	case form.Get("client_id") != code.clientID:
		refused = "the code was issued to another client"
	case form.Get("redirect_uri") != code.redirectURI:
		refused = "redirect_uri differs from the authorization request's"
	case !s.api.now().Before(code.expiresAt):
		refused = "the code has expired"
	case !verifies(form.Get("code_verifier"), code.challenge):
		refused = "code_verifier doesn't match the code_challenge"
	}
	if refused != "" {
		return Grant{}, nil, badRequest("invalid_grant", refused)
	}
	code.session = &session{user: code.user, clientID: code.clientID, scopes: code.scopes}
	return s.issue(code.session, code.scopes), code.session, nil
}

// verifierForm is the form of a code verifier (RFC 7636, section 4.1).
var verifierForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

func verifies(verifier, challenge string) bool {
	digest := sha256.Sum256([]byte(verifier))
	return verifierForm.MatchString(verifier) && base64.RawURLEncoding.EncodeToString(digest[:]) == challenge
}

// revoke revokes the token with which the call is authorized. With a refresh token the whole session ends. With
// an access token only that token is revoked, so that tests catch a client that leaves its refresh token valid. A
// cluster token that the API minted is refused by its cluster from then on; DigitalOcean documents this for access
// tokens only.
func (s *AuthServer) revoke(r *http.Request) (map[string]any, error) {
	form, err := formOf(r)
	if err != nil {
		return nil, err
	}
	if err := required(form, "token"); err != nil {
		return nil, err
	}
	token := form.Get("token")
	bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || bearer != token {
		return nil, unauthorized("invalid_token", "a token can revoke itself only")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.refreshTokens[token]
	switch {
	case session != nil && !session.ended && session.refresh == token:
		s.end(session)
	case s.accessTokens[token] != nil && s.api.dismiss(token):
	case s.api.revokeToken(token):
	default:
		return nil, unauthorized("invalid_token", "the token is unknown, or is no longer valid")
	}
	s.revocations++
	return map[string]any{}, nil
}
