package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// OpenID is an OpenID provider, as its metadata describes it.
type OpenID struct {
	Server

	Keys       string // address of the keys that sign ID tokens
	Device     string // "": there is no device flow (RFC 8628)
	EndSession string // "": the provider can't be told that somebody signs out
	Scopes     []string

	// NamesIssuer means that the answer to a sign-in has the parameter iss (RFC 9207).
	NamesIssuer bool
}

// HasScope reports whether the provider says that it has a scope.
func (p OpenID) HasScope(scope string) bool { return slices.Contains(p.Scopes, scope) }

// DiscoverOpenID returns the provider with an issuer, from its metadata (OpenID Connect Discovery 1.0, section 4). The
// metadata must name that issuer, and the addresses that a sign-in needs.
func (c *Client) DiscoverOpenID(ctx context.Context, issuer string) (OpenID, error) {
	const wellKnown = "/.well-known/openid-configuration"
	r := request{doing: "discovering the OpenID provider", method: http.MethodGet, endpoint: issuer}
	base, unfit := parseAddress(issuer)
	if unfit != nil {
		return OpenID{}, r.unsent(unfit.Class, unfit.Err)
	}
	r.endpoint = strings.TrimRight(issuer, "/") + wellKnown
	answer, metadata, err := c.call(ctx, r)
	if err != nil {
		return OpenID{}, err
	}
	if metadata.text("issuer") != issuer {
		return OpenID{}, r.failed(credential.Unsafe, answer.status, &Error{
			Err: fmt.Errorf("refusing metadata of another issuer, %s", show.URL(metadata.text("issuer"))),
		})
	}
	p := OpenID{Server: Server{Issuer: issuer}}
	for _, endpoint := range []struct {
		name     string
		to       *string
		required bool
	}{
		{"authorization_endpoint", &p.Authorization, true},
		{"token_endpoint", &p.Token, true},
		{"jwks_uri", &p.Keys, true},
		{"revocation_endpoint", &p.Revocation, false},
		{"device_authorization_endpoint", &p.Device, false},
		{"end_session_endpoint", &p.EndSession, false},
	} {
		named := metadata.text(endpoint.name)
		if isEndpointOf(base, named) {
			*endpoint.to = named
		} else if endpoint.required {
			return OpenID{}, r.unusable(answer, missingEndpoint(endpoint.name))
		}
	}
	_ = json.Unmarshal(metadata["scopes_supported"], &p.Scopes) // optional
	_ = json.Unmarshal(metadata["authorization_response_iss_parameter_supported"], &p.NamesIssuer)
	return p, nil
}

// missingEndpoint is an address that is missing in a provider's metadata, or isn't safe.
type missingEndpoint string

// Error implements error.
func (e missingEndpoint) Error() string { return "it has no " + string(e) + " that can be used" }

// Keys returns the keys in a provider's key set (RFC 7517), undecoded. Those of an unknown kind are among them.
func (c *Client) Keys(ctx context.Context, p OpenID) ([]json.RawMessage, error) {
	r := request{doing: "getting the keys that sign ID tokens", method: http.MethodGet, endpoint: p.Keys}
	answer, set, err := c.call(ctx, r)
	if err != nil {
		return nil, err
	}
	var keys []json.RawMessage
	if json.Unmarshal(set["keys"], &keys) != nil || len(keys) == 0 {
		return nil, r.unusable(answer, errors.New("it has no keys"))
	}
	return keys, nil
}

// RevokeFor revokes a token of a public client (RFC 7009).
func (c *Client) RevokeFor(ctx context.Context, endpoint, clientID string, token credential.Secret) error {
	r := formRequest("revoking the session", endpoint, url.Values{
		"client_id": {clientID}, "token": {token.Reveal()}, "token_type_hint": {"refresh_token"},
	})
	r.secrets = []credential.Secret{token}
	return c.revoke(ctx, r)
}

// EndSession tells a provider that somebody signs out (OpenID Connect RP-Initiated Logout 1.0). The ID token says who.
// It is sent by us and not by a browser, which would remember it; in a form, unless the provider takes it in the
// address only.
func (c *Client) EndSession(ctx context.Context, endpoint, clientID string, idToken credential.Secret) error {
	r := formRequest("ending the session", endpoint, url.Values{
		"client_id": {clientID}, "id_token_hint": {idToken.Reveal()},
	})
	r.secrets = []credential.Secret{idToken}
	answer, err := c.send(ctx, r)
	if err == nil && (answer.status == http.StatusNotFound || answer.status == http.StatusMethodNotAllowed) {
		r.method, r.query, r.contentType, r.body = http.MethodGet, r.body, "", ""
		answer, err = c.send(ctx, r)
	}
	// The answer is a page for a browser, or leads to one.
	if err == nil && answer.status >= http.StatusBadRequest {
		err = r.refusal(answer)
	}
	return err
}
