package main

import (
	"context"
	"crypto/rsa"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// client is a public client, which may use any port of the loopback interface (RFC 8252, section 7.3).
type client struct {
	id       string
	lifetime time.Duration // of its ID tokens
}

// GetID and the following methods implement op.Client.
func (c client) GetID() string                       { return c.id }
func (c client) RedirectURIs() []string              { return []string{"http://localhost:8080/callback"} }
func (c client) PostLogoutRedirectURIs() []string    { return nil }
func (c client) ApplicationType() op.ApplicationType { return op.ApplicationTypeNative }
func (c client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodNone }
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c client) LoginURL(id string) string            { return "/login?id=" + id }
func (c client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (c client) IDTokenLifetime() time.Duration       { return c.lifetime }
func (c client) DevMode() bool                        { return false }
func (c client) IsScopeAllowed(scope string) bool     { return scope == "team_role" }
func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c client) ClockSkew() time.Duration             { return 0 }

// GrantTypes implements op.Client.
func (c client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeDeviceCode}
}

func all(scopes []string) []string { return scopes }

// RestrictAdditionalIdTokenScopes implements op.Client.
func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string { return all }

// RestrictAdditionalAccessTokenScopes implements op.Client.
func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string { return all }

// keys are the provider's one key, with which it signs ID tokens.
type keys struct{ key *rsa.PrivateKey }

const keyID = "key-1"

type private struct{ keys }

// SignatureAlgorithm and the following methods implement op.SigningKey.
func (p private) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (p private) Key() any                                    { return p.key }
func (p private) ID() string                                  { return keyID }

type public struct{ keys }

// ID and the following methods implement op.Key.
func (p public) ID() string                         { return keyID }
func (p public) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (p public) Use() string                        { return "sig" }
func (p public) Key() any                           { return &p.key.PublicKey }

// SigningKey implements op.AuthStorage.
func (k keys) SigningKey(context.Context) (op.SigningKey, error) { return private{k}, nil }

// SignatureAlgorithms implements op.AuthStorage.
func (k keys) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

// KeySet implements op.AuthStorage.
func (k keys) KeySet(context.Context) ([]op.Key, error) { return []op.Key{public{k}}, nil }
