package oidctest

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
)

// IDToken returns an ID token of the user outside of any sign-in, which has a good signature. edit, if not nil, changes
// its claims.
func (i *Issuer) IDToken(edit func(claims map[string]any)) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	claims := i.claims(i.user, i.scopes())
	if edit != nil {
		edit(claims)
	}
	return (&idToken{header: i.header(), claims: claims}).signed(i.signingKey())
}

// idToken is an ID token before it is signed.
type idToken struct {
	header, claims map[string]any
	sign           func(text string) []byte // nil for the key's own signature
}

// claims returns the claims of a user's ID token, as far as the scopes cover them. i.mu must be held.
func (i *Issuer) claims(user User, scopes []string) map[string]any {
	now := i.clock()
	claims := map[string]any{
		"iss": i.url,
		"sub": user.Subject,
		"aud": i.clientID,
		"iat": now.Unix(),
		"exp": now.Add(i.lifetime).Unix(),
	}
	if slices.Contains(scopes, "email") {
		claims["email"], claims["email_verified"] = user.Email, true
	}
	if slices.Contains(scopes, "team_role") {
		claims["team_role"] = append([]string{}, user.Roles...)
	}
	return claims
}

// header returns the header of an ID token. i.mu must be held.
func (i *Issuer) header() map[string]any {
	return map[string]any{"alg": "RS256", "typ": "JWT", "kid": i.signingKey().id}
}

// signed returns the token in its compact form (RFC 7515, section 7.1).
func (t *idToken) signed(key *signingKey) string {
	text := encoded(t.header) + "." + encoded(t.claims)
	sign := t.sign
	if sign == nil {
		sign = key.sign
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sign(text))
}

func encoded(part map[string]any) string {
	text, err := json.Marshal(part)
	if err != nil {
		panic(err) // a test's edit made claims that aren't JSON
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// issued returns the claims of an ID token if it is one of the provider's, which may have expired, and its key may
// have been rotated out. i.mu must be held.
func (i *Issuer) issued(compact string) (claims map[string]any, ok bool) {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, false
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, false
	}
	ok = slices.ContainsFunc(i.keys, func(key *signingKey) bool {
		return key.verifies(parts[0]+"."+parts[1], signature)
	})
	return claims, ok && json.Unmarshal(payload, &claims) == nil && claims["iss"] == i.url
}
