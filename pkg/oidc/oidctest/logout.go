package oidctest

import (
	"net/http"
	"net/url"
)

// logout logs the user out (OpenID Connect RP-Initiated Logout 1.0). It requires an ID token of the client's, which may
// have expired. Sessions with offline_access go on, as they should by OpenID Connect Back-Channel Logout 1.0, section
// 2.7: a client that wants an end of them revokes the refresh token.
func (i *Issuer) logout(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.lacks("end_session") {
		http.NotFound(w, r)
		return
	}
	parameters, err := logoutParameters(r)
	claims, ok := i.issued(parameters.Get("id_token_hint"))
	switch {
	case err != nil:
		errorPage(w, "The request is malformed.")
	case !ok || claims["aud"] != i.clientID:
		errorPage(w, "The ID token isn't one of the application's.")
	case parameters.Has("client_id") && parameters.Get("client_id") != i.clientID:
		errorPage(w, "The application is another one.")
	case parameters.Has("post_logout_redirect_uri"):
		errorPage(w, "The application didn't register this redirect URI.")
	default:
		i.logouts++
		for _, session := range i.refreshTokens {
			if session.user.Subject == claims["sub"] && !session.offline() {
				session.ended = true
			}
		}
		page(w, http.StatusOK, messagePage, map[string]any{"Title": "Signed out", "Message": "You are signed out."})
	}
}

// logoutParameters returns the parameters of a logout request, which are in the address or in the body.
func logoutParameters(r *http.Request) (url.Values, error) {
	if r.Method == http.MethodGet {
		return url.ParseQuery(r.URL.RawQuery)
	}
	err := r.ParseForm()
	return r.PostForm, err
}
