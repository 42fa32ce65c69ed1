package digitaloceantest

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"sync"
)

// oauthError is an error in OAuth's form (RFC 6749, section 5.2, and RFC 7591, section 3.2.2).
type oauthError struct {
	status            int
	code, description string
}

func (e *oauthError) Error() string { return e.code + ": " + e.description }

func (e *oauthError) answer() map[string]any {
	return map[string]any{"error": e.code, "error_description": e.description}
}

func badRequest(code, description string) error {
	return &oauthError{http.StatusBadRequest, code, description}
}

func unauthorized(code, description string) error {
	return &oauthError{http.StatusUnauthorized, code, description}
}

// authEndpoint is one of an AuthServer's endpoints that answer with JSON.
type authEndpoint struct {
	server   *AuthServer
	fault    *Fault
	success  int // the status of answers without error
	handle   func(*http.Request) (map[string]any, error)
	answered func() // called after a successful answer has been sent, if not nil
}

func (e *authEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := &authAnswer{ResponseWriter: w}
	// Once only: a fault may ask for the answer twice, and handling a refresh twice would be a reuse.
	handle := sync.OnceValue(func() map[string]any {
		body, err := e.handle(r)
		answer.proper = e.success
		if failed, ok := errors.AsType[*oauthError](err); ok {
			answer.proper = failed.status
			return failed.answer()
		}
		return body
	})
	e.server.mu.Lock()
	fault := *e.fault
	e.server.mu.Unlock()
	if fault != nil {
		fault(answer, r, handle)
	} else {
		answer.write(handle())
	}
	if answer.proper != e.success || answer.written != e.success {
		return
	}
	if err := http.NewResponseController(answer).Flush(); err == nil && e.answered != nil {
		e.answered()
	}
}

// authAnswer is an http.ResponseWriter that writes 200 as the status that is proper for the answer, since a Fault knows
// no other success.
type authAnswer struct {
	http.ResponseWriter
	proper  int // 0 if the request wasn't handled
	written int
}

func (a *authAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *authAnswer) WriteHeader(status int) {
	if status == http.StatusOK && a.proper != 0 {
		status = a.proper
	}
	a.written = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *authAnswer) Write(b []byte) (int, error) {
	if a.written == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(b)
}

// write writes the answer with its length, so that the client has all of it once it is flushed.
func (a *authAnswer) write(body map[string]any) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // all answers are made of strings, numbers and lists
	}
	a.Header().Set("Content-Type", "application/json; charset=utf-8")
	a.Header().Set("Content-Length", strconv.Itoa(len(text)))
	a.WriteHeader(http.StatusOK)
	a.Write(text)
}

// formOf returns the parameters in a request's body. A client must not send a parameter twice (RFC 6749, section
// 3.2).
func formOf(r *http.Request) (url.Values, error) {
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if mediaType != "application/x-www-form-urlencoded" {
		return nil, badRequest("invalid_request", "the body must be a form")
	}
	if err := r.ParseForm(); err != nil {
		return nil, badRequest("invalid_request", err.Error())
	}
	return r.PostForm, noneTwice(r.PostForm)
}

func noneTwice(parameters url.Values) error {
	for name, values := range parameters {
		if len(values) > 1 {
			return badRequest("invalid_request", name+" must not be repeated")
		}
	}
	return nil
}

// required returns an error if one of the parameters is missing or empty.
func required(parameters url.Values, names ...string) error {
	for _, name := range names {
		if parameters.Get(name) == "" {
			return badRequest("invalid_request", name+" is missing")
		}
	}
	return nil
}
