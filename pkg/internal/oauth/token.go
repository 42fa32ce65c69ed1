package oauth

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

const (
	maxToken  = 16 << 10
	maxScope  = 16 << 10
	maxExpiry = 365 * 24 * time.Hour // longer ones are clamped to this
)

// golang.org/x/oauth2 doesn't send these requests. It fails on an odd expires_in, which would lose the refresh token
// that replaces the one just spent; it flattens a connection's failure into text, so that a lost answer looks like an
// unusable one; net/http may repeat its requests; and its errors quote answers.

// Exchange exchanges the code of a sign-in for tokens (RFC 6749, section 4.1.3). verifier and redirectURI must be
// those of the sign-in's address.
func (c *Client) Exchange(
	ctx context.Context, s Server, clientID string, code, verifier credential.Secret, redirectURI string,
) (Grant, error) {
	r := formRequest("exchanging the authorization code", s.Token, url.Values{
		"grant_type":    {"authorization_code"},
		"client_id":     {clientID},
		"code":          {code.Reveal()},
		"code_verifier": {verifier.Reveal()},
		"redirect_uri":  {redirectURI},
	})
	r.secrets = []credential.Secret{code, verifier}
	return c.grant(ctx, r)
}

// Refresh exchanges a refresh token for new tokens (RFC 6749, section 6). The server may accept a refresh token only
// once, so the request is never repeated. If Lost reports true for the error, the token may be spent.
//
// If the answer has no refresh token, the one that was sent stays valid and is the grant's.
func (c *Client) Refresh(
	ctx context.Context, tokenEndpoint, clientID string, refresh credential.Secret,
) (Grant, error) {
	r := formRequest("refreshing the session", tokenEndpoint, url.Values{
		"grant_type":    {"refresh_token"},
		"client_id":     {clientID},
		"refresh_token": {refresh.Reveal()},
	})
	if refresh.IsZero() {
		return Grant{}, r.unsent(credential.Usage, errors.New("there is no refresh token"))
	}
	r.secrets = []credential.Secret{refresh}
	grant, err := c.grant(ctx, r)
	if err == nil && grant.Refresh.IsZero() {
		grant.Refresh = refresh
	}
	return grant, err
}

// Revoke revokes a token (RFC 7009). DigitalOcean's server has a token revoke itself: it is the bearer, too.
func (c *Client) Revoke(ctx context.Context, endpoint string, token credential.Secret) error {
	r := formRequest("revoking the token", endpoint, url.Values{"token": {token.Reveal()}})
	if err := credential.CheckBearer(token); err != nil {
		return r.unsent(credential.Usage, err)
	}
	r.bearer = token
	r.secrets = []credential.Secret{token}
	return c.revoke(ctx, r)
}

// revoke sends a request to revoke a token.
func (c *Client) revoke(ctx context.Context, r request) error {
	answer, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	fields, undecoded := decode(answer.body)
	switch {
	case !answer.isSuccess(), undecoded == nil && fields.text("error") != "":
		return r.refusal(answer)
	case answer.status != http.StatusOK && answer.status != http.StatusNoContent:
		return r.unusable(answer, fmt.Errorf("its status is %d", answer.status))
	case answer.isHTML():
		// RFC 7009, section 2.2, says to ignore the body, but a page comes from something else on the way.
		return r.unusable(answer, errHTML)
	}
	return nil
}

// grant sends a request for tokens (RFC 6749, section 5.1).
func (c *Client) grant(ctx context.Context, r request) (Grant, error) {
	answer, fields, err := c.call(ctx, r)
	if err != nil {
		return Grant{}, err
	}
	access, err := fields.token("access_token")
	if err == nil && access.IsZero() {
		err = errors.New("it has no access token")
	}
	if err == nil {
		err = fields.checkTokenType()
	}
	if err != nil {
		return Grant{}, r.unusable(answer, err)
	}
	refresh, err := fields.token("refresh_token")
	if err != nil {
		return Grant{}, r.unusable(answer, err)
	}
	return Grant{
		Access:    access,
		Refresh:   refresh,
		ExpiresAt: fields.expiry(answer.start),
		Scope:     fields.scope(),
		IDToken:   fields.idToken(),
		Date:      answer.date,
		User:      fields.user(),
	}, nil
}

// token returns a token, or the empty secret if there is none.
func (f fields) token(name string) (credential.Secret, error) {
	text, err := f.textOrError(name)
	if err != nil || text == "" {
		return credential.Secret{}, err
	}
	token := credential.NewSecret(text)
	if len(text) > maxToken {
		return credential.Secret{}, fmt.Errorf("its field %q is too long", name)
	}
	if err := credential.CheckBearer(token); err != nil {
		return credential.Secret{}, fmt.Errorf("its field %q can't be used: %w", name, err)
	}
	return token, nil
}

// checkTokenType returns an error for another type of token than bearer. RFC 6749, section 5.1, requires the type
// and ignores its case.
func (f fields) checkTokenType() error {
	kind, err := f.textOrError("token_type")
	if err == nil && kind != "" && !strings.EqualFold(kind, "bearer") {
		err = errors.New("its token is not a bearer token")
	}
	return err
}

// expiry returns when a token that was requested at start expires, or the zero time if that is unknown. Some servers
// send expires_in as a string.
func (f fields) expiry(start time.Time) time.Time {
	lifetime := f.seconds("expires_in")
	if lifetime == 0 {
		return time.Time{}
	}
	return start.Add(lifetime).UTC().Truncate(time.Second)
}

// seconds returns a positive number of seconds, or 0 if there is none.
func (f fields) seconds(name string) time.Duration {
	// ParseFloat returns infinity for a number out of range, and 0 for anything that isn't a number.
	seconds, _ := strconv.ParseFloat(strings.Trim(string(f[name]), `"`), 64)
	if math.IsNaN(seconds) || seconds < 1 {
		return 0
	}
	return time.Duration(min(seconds, maxExpiry.Seconds())) * time.Second
}

// idToken returns the ID token (OpenID Connect Core 1.0, section 3.1.3.3), or the empty secret if there is none that
// can be one.
func (f fields) idToken() credential.Secret {
	text := f.text("id_token")
	if len(text) > maxToken {
		return credential.Secret{}
	}
	return credential.NewSecret(text)
}

// scope returns the scopes, or "" if they are not of the form that RFC 6749, section 3.3, defines.
func (f fields) scope() string {
	scope := f.text("scope")
	isOdd := func(r rune) bool { return r < ' ' || r > '~' }
	if len(scope) > maxScope || strings.ContainsFunc(scope, isOdd) {
		return ""
	}
	return scope
}

// user returns whom the tokens are for. It is only information, so odd values are left out.
func (f fields) user() User {
	info, err := decode(f["info"])
	if err != nil {
		return User{}
	}
	return User{
		Name:     info.shortText("name"),
		Email:    info.shortText("email"),
		UUID:     info.shortText("uuid"),
		TeamUUID: info.shortText("team_uuid"),
		TeamName: info.shortText("team_name"),
	}
}
