package oidctest

import (
	"fmt"
	"net/http"
	"slices"
)

const (
	pathDiscovery = "/.well-known/openid-configuration"
	pathMoved     = "/moved/openid-configuration" // where the fault "redirect" leads to
)

// Without takes features away, and restores those that an earlier call took away:
//
//	refresh         no refresh tokens are issued or accepted
//	offline_access  isn't a scope, so asking for it is refused; each sign-in gets a refresh token without it
//	device          no device flow
//	revocation      no revocation endpoint
//	end_session     no logout endpoint
//	pkce            the metadata doesn't mention PKCE, which is required all the same
//
// It panics if there is no such feature.
func (i *Issuer) Without(features ...string) {
	known := []string{"refresh", "offline_access", "device", "revocation", "end_session", "pkce"}
	for _, feature := range features {
		if !slices.Contains(known, feature) {
			panic(fmt.Sprintf("oidctest: there is no feature %q", feature))
		}
	}
	i.set(func() { i.without = slices.Clone(features) })
}

// serveMetadata answers with the provider's metadata (OpenID Connect Discovery 1.0, section 4).
func (i *Issuer) serveMetadata(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	metadata := i.metadata()
	i.spoilMetadata(metadata)
	redirected := i.faults[discovery] == "redirect" && r.URL.Path != pathMoved
	moved := i.at(pathMoved)
	i.mu.Unlock()
	if redirected {
		http.Redirect(w, r, moved, http.StatusFound)
		return
	}
	writeJSON(w, http.StatusOK, metadata)
}

// metadata returns the provider's metadata. i.mu must be held.
func (i *Issuer) metadata() map[string]any {
	grants := []string{"authorization_code"}
	metadata := map[string]any{
		"issuer":                                         i.url,
		"authorization_endpoint":                         i.at("/authorize"),
		"token_endpoint":                                 i.at("/token"),
		"jwks_uri":                                       i.at("/keys"),
		"scopes_supported":                               i.scopes(),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"RS256"},
		"token_endpoint_auth_methods_supported":          []string{"none"},
		"claims_supported":                               []string{"sub", "email", "email_verified", "team_role"},
		"authorization_response_iss_parameter_supported": true,
	}
	if !i.lacks("refresh") {
		grants = append(grants, "refresh_token")
	}
	if !i.lacks("device") {
		grants = append(grants, deviceGrant)
		metadata["device_authorization_endpoint"] = i.at("/device")
	}
	if !i.lacks("revocation") {
		metadata["revocation_endpoint"] = i.at("/revoke")
	}
	if !i.lacks("end_session") {
		metadata["end_session_endpoint"] = i.at("/logout")
	}
	if !i.lacks("pkce") {
		metadata["code_challenge_methods_supported"] = []string{"S256"}
	}
	metadata["grant_types_supported"] = grants
	return metadata
}

// scopes returns the scopes that a client can ask for. i.mu must be held.
func (i *Issuer) scopes() []string {
	scopes := []string{"openid", "email", "team_role"}
	if !i.lacks("offline_access") {
		scopes = append(scopes, "offline_access")
	}
	return scopes
}
