package oidctest

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strconv"
)

// The endpoints, by the names that Calls and Fault know.
const (
	discovery           = "discovery"
	keys                = "keys"
	authorize           = "authorize"
	token               = "token"
	deviceAuthorization = "device"
	revoke              = "revoke"
	logout              = "logout"
)

// Calls returns how many requests were sent to an endpoint: discovery, keys, authorize, token, device (where devices
// start; they poll token), revoke or logout.
func (i *Issuer) Calls(endpoint string) int {
	faultsOf(endpoint) // panics if there is no such endpoint
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.calls[endpoint]
}

// endpoint counts calls, and answers them with handle or with a fault that every endpoint can have.
func (i *Issuer) endpoint(name string, handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		i.calls[name]++
		fault := i.faults[name]
		i.mu.Unlock()
		if !answerFault(w, r, fault) {
			handle(w, r)
		}
	}
}

// oauthError is an error in OAuth's form (RFC 6749, section 5.2).
type oauthError struct {
	status            int
	code, description string
}

func (e *oauthError) Error() string { return e.code + ": " + e.description }

func (e *oauthError) answer() map[string]any {
	return map[string]any{"error": e.code, "error_description": e.description}
}

func refused(code, description string) *oauthError {
	return &oauthError{http.StatusBadRequest, code, description}
}

func writeJSON(w http.ResponseWriter, status int, body map[string]any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // all answers are made of strings, numbers and lists
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	w.Write(text)
}

// answer writes a handler's result. An error is an *oauthError or nil.
func answer(w http.ResponseWriter, body map[string]any, err *oauthError) {
	if err != nil {
		writeJSON(w, err.status, err.answer())
		return
	}
	writeJSON(w, http.StatusOK, body)
}

// formOf returns the parameters in a request's body. The client must be known by its ID, and have no secret: not
// even an empty one in an Authorization header.
func (i *Issuer) formOf(r *http.Request) (url.Values, *oauthError) {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if mediaType != "application/x-www-form-urlencoded" {
		return nil, refused("invalid_request", "the body must be a form")
	}
	if err := r.ParseForm(); err != nil {
		return nil, refused("invalid_request", err.Error())
	}
	form := r.PostForm
	if err := noneTwice(form); err != nil {
		return nil, err
	}
	switch {
	case r.URL.RawQuery != "":
		return nil, refused("invalid_request", "parameters must be in the body")
	case r.Header.Get("Authorization") != "" || form.Has("client_secret"):
		return nil, &oauthError{http.StatusUnauthorized, "invalid_client", "the client is public: it has no secret"}
	case form.Get("client_id") != i.clientID:
		return nil, &oauthError{http.StatusUnauthorized, "invalid_client", "the client is unknown"}
	}
	return form, nil
}

// noneTwice returns an error if a parameter is repeated (RFC 6749, section 3.2).
func noneTwice(parameters url.Values) *oauthError {
	for name, values := range parameters {
		if len(values) > 1 {
			return refused("invalid_request", name+" must not be repeated")
		}
	}
	return nil
}

// required returns an error if one of the parameters is missing or empty.
func required(parameters url.Values, names ...string) *oauthError {
	for _, name := range names {
		if parameters.Get(name) == "" {
			return refused("invalid_request", name+" is missing")
		}
	}
	return nil
}
