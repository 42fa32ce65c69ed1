package oidctest

import "net/http"

// revoke revokes a token (RFC 7009). With a refresh token the whole session ends. With an access token only that token
// is revoked, so that tests catch a client that leaves its refresh token valid. A token that isn't valid is none to
// revoke, which is a success.
func (i *Issuer) revoke(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.lacks("revocation") {
		http.NotFound(w, r)
		return
	}
	form, err := i.formOf(r)
	if err == nil {
		err = required(form, "token")
	}
	if err != nil {
		answer(w, nil, err)
		return
	}
	presented := form.Get("token")
	if session := i.refreshTokens[presented]; session != nil && !session.ended {
		session.ended = true
		i.revocations++
	} else if i.accessTokens[presented] != nil {
		delete(i.accessTokens, presented)
		i.revocations++
	}
	w.WriteHeader(http.StatusOK)
}
