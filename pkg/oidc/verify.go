package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/onecall"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// provider is a session's OpenID provider, and the keys that sign its ID tokens.
type provider struct {
	oauth.OpenID

	session *Session
	client  *oauth.Client
	keys    *oidc.StaticKeySet
}

// discover asks for the provider's metadata and keys. It comes before anything that can be done only once.
func (s *Session) discover(ctx context.Context) (*provider, error) {
	p := &provider{session: s, client: s.sessions.oauthClient()}
	var err error
	if p.OpenID, err = p.client.DiscoverOpenID(ctx, s.Issuer); err != nil {
		return nil, err
	}
	return p, p.fetchKeys(ctx)
}

// fetchKeys asks for the provider's keys. Those of an unknown kind are left out.
func (p *provider) fetchKeys(ctx context.Context) error {
	set, err := p.client.Keys(ctx, p.OpenID)
	if err != nil {
		return err
	}
	p.keys = new(oidc.StaticKeySet)
	for _, text := range set {
		var key jose.JSONWebKey
		if json.Unmarshal(text, &key) != nil {
			continue
		}
		switch public := key.Key.(type) {
		case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
			p.keys.PublicKeys = append(p.keys.PublicKeys, crypto.PublicKey(public))
		}
	}
	return nil
}

// algorithms are those of ID tokens: with a public key only. HS256 and none would let anybody sign.
func algorithms() []string {
	return []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
	}
}

// verified is an ID token that has been verified.
type verified struct {
	token     credential.Secret
	user      User
	asked     time.Time
	expiresAt time.Time
}

// fill puts what was verified into a session.
func (v verified) fill(r *record, t *tokens) {
	r.User, r.FetchedAt, r.ExpiresAt = v.user, v.asked, v.expiresAt
	t.id = v.token
}

var errNoIDToken = errors.New("the answer has no ID token")

// verify verifies a grant's ID token. nonce is that of the sign-in, or "" after a refresh. asked is when the grant was
// asked for.
func (p *provider) verify(ctx context.Context, grant oauth.Grant, nonce string, asked time.Time) (verified, error) {
	switch {
	case grant.IDToken.IsZero():
		return verified{}, p.session.unusable(errNoIDToken)
	case credential.CheckBearer(grant.IDToken) != nil:
		return verified{}, p.session.unusable(errors.New("it contains a character that a token can't contain"))
	}
	token, err := p.verifyToken(ctx, grant.IDToken)
	if err != nil {
		return verified{}, p.explain(err, grant.Date)
	}
	var claims struct {
		Email string          `json:"email"`
		Roles json.RawMessage `json:"team_role"`
		Party string          `json:"azp"`
	}
	switch err := token.Claims(&claims); {
	case err != nil:
		return verified{}, p.session.unusable(errors.New("its claims are of the wrong type"))
	case nonce != "" && token.Nonce != nonce:
		return verified{}, p.session.unusable(errors.New("its nonce is another sign-in's"))
	case claims.Party != "" && claims.Party != p.session.ID, claims.Party == "" && len(token.Audience) > 1:
		return verified{}, p.session.unusable(errors.New("it was issued to another client"))
	case token.Subject == "":
		return verified{}, p.session.unusable(errors.New("it doesn't say whose it is"))
	}
	end := expiry(token, asked)
	if !p.session.sessions.now().Before(end) { // the library accepts one that expires just now
		return verified{}, p.explain(&oidc.TokenExpiredError{Expiry: end}, grant.Date)
	}
	return verified{
		token:     grant.IDToken,
		user:      User{Subject: printable(token.Subject), Email: printable(claims.Email), Roles: rolesIn(claims.Roles)},
		asked:     asked.UTC(),
		expiresAt: end,
	}, nil
}

// verifyToken verifies an ID token. If no key fits, the provider may have replaced its keys meanwhile: it asks again.
func (p *provider) verifyToken(ctx context.Context, raw credential.Secret) (*oidc.IDToken, error) {
	config := &oidc.Config{ClientID: p.session.ID, SupportedSigningAlgs: algorithms(), Now: p.session.sessions.now}
	token, err := oidc.NewVerifier(p.Issuer, p.keys, config).Verify(ctx, raw.Reveal())
	if err == nil || !isUnknownKey(ctx, p.keys, raw) {
		return token, err
	}
	if err := p.fetchKeys(ctx); err != nil {
		return nil, err
	}
	return oidc.NewVerifier(p.Issuer, p.keys, config).Verify(ctx, raw.Reveal())
}

// isUnknownKey reports whether none of the keys has signed a token.
func isUnknownKey(ctx context.Context, keys *oidc.StaticKeySet, raw credential.Secret) bool {
	_, err := keys.VerifySignature(ctx, raw.Reveal())
	return err != nil
}

// maxLifetime is how long an ID token is used at most. JSON has no dates after the year 9999.
const maxLifetime = 365 * 24 * time.Hour

// expiry returns when an ID token expires by our clock. If that is slow, the token's lifetime counts.
func expiry(token *oidc.IDToken, asked time.Time) time.Time {
	end := token.Expiry
	if last := asked.Add(maxLifetime); end.After(last) {
		end = last
	}
	if issued := token.IssuedAt; issued.Unix() > 0 && token.Expiry.After(issued) {
		if later := asked.Add(token.Expiry.Sub(issued)); later.Before(end) {
			end = later
		}
	}
	return end.UTC().Truncate(time.Second)
}

// rolesIn returns the roles in a claim, which may be a text or a list of texts.
func rolesIn(claim json.RawMessage) []string {
	var roles []string
	var role string
	if json.Unmarshal(claim, &role) == nil && role != "" {
		roles = []string{role}
	} else {
		_ = json.Unmarshal(claim, &roles) // it is only information
	}
	const most = 50
	for i, role := range roles[:min(len(roles), most)] {
		roles[i] = printable(role)
	}
	return roles[:min(len(roles), most)]
}

// minSkew is the least difference of clocks that is worth mentioning.
const minSkew = time.Minute

// explain returns the error for an ID token that isn't valid. date is the provider's, if it is known.
func (p *provider) explain(err error, date time.Time) error {
	if credential.ClassOf(err) != credential.Other {
		return err
	}
	expired, isExpired := errors.AsType[*oidc.TokenExpiredError](err)
	switch {
	case isExpired && expired.Expiry.Unix() <= 0:
		return p.session.unusable(errors.New("it has no expiry"))
	case isExpired:
		return p.untimely("it expired at "+expired.Expiry.UTC().Format(time.RFC3339), date)
	case strings.Contains(err.Error(), "(not before)"): // the library has no type for it
		return p.untimely("it isn't valid yet", date)
	}
	// The library quotes claims, which are no secrets, but anything.
	isLong := func(word string) bool { return len(word) > show.MaxWord }
	return p.session.unusable(errors.New(strings.TrimPrefix(onecall.Line(err.Error(), isLong), "oidc: ")))
}

// untimely returns the error for an ID token that has expired or isn't valid yet, which may be due to our clock.
func (p *provider) untimely(reason string, date time.Time) error {
	err := &credential.Error{
		Class: credential.Unusable, Err: p.session.failed("using the ID token", errors.New(reason)),
	}
	if skew := p.session.sessions.now().Sub(date); !date.IsZero() && skew.Abs() >= minSkew {
		err.ClockSkew = skew
	}
	return err
}
