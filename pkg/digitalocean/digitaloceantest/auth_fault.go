package digitaloceantest

import (
	"net/http"
	"time"
)

// OAuthError returns a Fault that answers with an error in OAuth's form, such as invalid_grant.
func OAuthError(status int, code, description string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ func() map[string]any) {
		writeJSON(w, status, (&oauthError{status, code, description}).answer())
	}
}

// Late returns a Fault that does what the call asks for, and then delays the answer by d.
func Late(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, mint func() map[string]any) {
		answer := mint()
		select {
		case <-time.After(d):
			writeJSON(w, http.StatusOK, answer)
		case <-r.Context().Done():
		}
	}
}

// NamedOfAuth returns the faults for an AuthServer's endpoints, by the names that tests use. Those of Named
// that don't concern a credential work as well.
func NamedOfAuth() map[string]Fault {
	const json = "application/json"
	return map[string]Fault{
		"invalid-grant":        OAuthError(400, "invalid_grant", "the refresh token is invalid"),
		"invalid-grant-minted": Lost(OAuthError(400, "invalid_grant", "the refresh token is invalid")),
		"invalid-client":       OAuthError(401, "invalid_client", "the client is unknown"),
		"unauthorized-client":  OAuthError(400, "unauthorized_client", "the client isn't authorized"),
		"invalid-redirect-uri": OAuthError(400, "invalid_redirect_uri", "the redirect URI isn't registered"),
		"server-error":         OAuthError(400, "server_error", "the server failed"),
		"no-access-token":      Change(map[string]any{"access_token": nil}),
		"empty-access-token":   Change(map[string]any{"access_token": ""}),
		"newline-access-token": Change(map[string]any{"access_token": "doo_v1_line\nbreak"}),
		"no-refresh-token":     Change(map[string]any{"refresh_token": nil}),
		"no-expires-in":        Change(map[string]any{"expires_in": nil}),
		"expires-in-zero":      Change(map[string]any{"expires_in": 0}),
		"expires-in-negative":  Change(map[string]any{"expires_in": -3600}),
		"expires-in-huge":      Change(map[string]any{"expires_in": 1e300}),
		"expires-in-string":    Change(map[string]any{"expires_in": "3600"}),
		"token-type-mac":       Change(map[string]any{"token_type": "mac"}),
		"no-scope":             Change(map[string]any{"scope": nil}),
		"no-info":              Change(map[string]any{"info": nil}),
		"info-string":          Change(map[string]any{"info": "odd"}),
		"no-client-id":         Change(map[string]any{"client_id": nil}),
		"other-issuer":         Change(map[string]any{"issuer": "https://stranger.example"}),
		"other-endpoint":       Change(map[string]any{"token_endpoint": "https://stranger.example/token"}),
		"error-html":           Answer(400, "text/html", "<html><body>Bad request</body></html>"),
		"error-empty":          Answer(400, json, "{}"),
	}
}
