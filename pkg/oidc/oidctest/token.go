package oidctest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// token exchanges a code for tokens, or refreshes a session.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	fault := i.faults[token]
	body, err := i.grant(r, fault)
	i.mu.Unlock()
	if err == nil {
		switch fault {
		case "drop":
			panic(http.ErrAbortHandler)
		case "hang-granted":
			hang(r)
		}
	}
	answer(w, body, err)
}

// grant does what a token request asks for. i.mu must be held.
func (i *Issuer) grant(r *http.Request, fault string) (map[string]any, *oauthError) {
	form, err := i.formOf(r)
	if err != nil {
		return nil, err
	}
	switch grant := form.Get("grant_type"); {
	case grant == "":
		return nil, refused("invalid_request", "grant_type is missing")
	case grant == "authorization_code":
		return i.exchange(form, fault)
	case grant == "refresh_token" && !i.lacks("refresh"):
		return i.refresh(form, fault)
	case grant == deviceGrant && !i.lacks("device"):
		return i.pollDevice(form, fault)
	default:
		return nil, refused("unsupported_grant_type", "there is no such grant_type")
	}
}

// exchange starts a session with a code. A client has one attempt: a code is used up even if the attempt fails. If a
// code is presented again, the session that it started ends (RFC 6749, section 4.1.2). i.mu must be held.
func (i *Issuer) exchange(form url.Values, fault string) (map[string]any, *oauthError) {
	if err := required(form, "code", "redirect_uri", "code_verifier"); err != nil {
		return nil, err
	}
	code := i.codes[form.Get("code")]
	switch {
	case code == nil:
		return nil, refused("invalid_grant", "the code is unknown")
	case code.used:
		if code.session != nil {
			code.session.ended = true
		}
		return nil, refused("invalid_grant", "the code has already been used")
	}
	code.used = true
	switch {
	case form.Get("redirect_uri") != code.redirectURI:
		return nil, refused("invalid_grant", "redirect_uri differs from the authorization request's")
	case !i.clock().Before(code.expiresAt):
		return nil, refused("invalid_grant", "the code has expired")
	case !verifies(form.Get("code_verifier"), code.challenge):
		return nil, refused("invalid_grant", "code_verifier doesn't match the code_challenge")
	}
	i.signIns++
	code.session = &session{user: code.user, scopes: code.scopes, nonce: code.nonce}
	return i.issue(code.session, fault), nil
}

// verifierForm is the form of a code verifier (RFC 7636, section 4.1).
var verifierForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

func verifies(verifier, challenge string) bool {
	digest := sha256.Sum256([]byte(verifier))
	return verifierForm.MatchString(verifier) && base64.RawURLEncoding.EncodeToString(digest[:]) == challenge
}

// issue issues a session's next tokens, and returns the answer with them. i.mu must be held.
func (i *Issuer) issue(session *session, fault string) map[string]any {
	first := !session.begun
	session.begun = true
	access := "access-" + randomHex()
	i.accessTokens[access] = session
	body := map[string]any{
		"access_token": access,
		"token_type":   "Bearer",
		"expires_in":   int(i.accessLifetime / time.Second),
		"scope":        strings.Join(session.scopes, " "),
	}
	if i.refreshable(session) && (first || fault != "no-rotation") {
		session.refresh = "refresh-" + randomHex()
		i.refreshTokens[session.refresh] = session
		body["refresh_token"] = session.refresh
	}
	issued := &idToken{header: i.header(), claims: i.claims(session.user, session.scopes)}
	if first && session.nonce != "" {
		issued.claims["nonce"] = session.nonce
	}
	i.spoilIDToken(issued, fault, first)
	body["id_token"] = issued.signed(i.signingKey())
	spoilTokens(body, fault)
	return body
}
