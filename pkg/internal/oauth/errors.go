package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/onecall"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// Error is a failed call to an authorization server. The [credential.Error] that wraps it holds the class, and the
// HTTP status if there is an answer.
type Error struct {
	// Code is RFC 6749's error, such as invalid_grant, or the id of an error of DigitalOcean's API. Description is
	// the server's explanation, on one line and without secrets. Both are "" if unknown.
	Code        string
	Description string

	// Lost means that the request may have arrived, and that no answer says what became of it: a refresh token or
	// a code that was sent may be spent.
	Lost bool

	Err error // nil: the code is all that is known
}

// Error returns the text of the wrapped error.
func (e *Error) Error() string {
	if e.Err == nil {
		return "failed: " + cmp.Or(e.Code, "unknown error")
	}
	return e.Err.Error()
}

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// IsCode reports whether the server answered with one of the codes.
func IsCode(err error, codes ...string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code != "" && slices.Contains(codes, e.Code)
}

// Gone reports whether the client's registration is gone, so that it must register again.
func Gone(err error) bool {
	return IsCode(err, "invalid_client", "unauthorized_client", "invalid_redirect_uri")
}

// Lost reports whether the request may have arrived without its outcome being known: see [Error].
func Lost(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Lost
}

func (r request) failed(class credential.Class, status int, err *Error) error {
	return &credential.Error{
		Class:  class,
		Status: status,
		Err:    fmt.Errorf("%s at %s: %w", r.doing, show.URL(r.endpoint), err),
	}
}

// unsent returns the error for a request that wasn't sent.
func (r request) unsent(class credential.Class, reason error) error {
	return r.failed(class, 0, &Error{Err: reason})
}

// unanswered returns the error for a request without a complete answer. took is how long it took.
func (r request) unanswered(ctx context.Context, cause error, took time.Duration, failed *Error) error {
	class := credential.Unreachable
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		class = credential.Other
		failed.Err = fmt.Errorf("interrupted: %w", context.Canceled)
	case onecall.IsTimeout(cause):
		failed.Err = fmt.Errorf("no answer within %s", took.Round(100*time.Millisecond))
	}
	return r.failed(class, 0, failed)
}

// unusable returns the error for an answer with status 2xx that can't be used. The server has probably done what it
// was asked to, but the result is lost.
func (r request) unusable(a answer, reason error) error {
	err := fmt.Errorf("the answer can't be used: %w", reason)
	return r.failed(credential.Unusable, a.status, &Error{Lost: true, Err: err})
}

// refusal returns the error for an answer that says that the call failed: in the form of RFC 6749, section 5.2, in
// that of DigitalOcean's API, or by its status alone.
func (r request) refusal(a answer) error {
	f, undecoded := decode(a.body)
	e := &Error{
		Code:        r.shownCode(f.text("error")),
		Description: sanitize(f.text("error_description"), r.secrets),
		Lost:        mayHaveSucceeded(a),
	}
	if f.text("error") == "" {
		e.Code = r.shownCode(f.text("id"))
		e.Description = sanitize(f.text("message"), r.secrets)
	}

	said := fmt.Sprintf("%s (status %d)", explain(e, a.status), a.status)
	class := credential.Other
	switch status := a.status; {
	case status >= 300 && status < 400:
		class, e.Err = credential.Unsafe, fmt.Errorf("refusing to follow a redirect: %s", said)
	case status == http.StatusTooManyRequests:
		class, e.Err = credential.Unreachable, fmt.Errorf("rate limited by the authorization server: %s", said)
	case status >= 500, classOf(e.Code) == credential.Unreachable:
		class, e.Err = credential.Unreachable, fmt.Errorf("the authorization server failed: %s", said)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, classOf(e.Code) == credential.Refused:
		class, e.Err = credential.Refused, fmt.Errorf("the authorization server refused: %s", said)
	case a.tooLarge:
		class, e.Err = credential.Unusable, fmt.Errorf("the answer can't be used: %w (status %d)", errTooLarge, status)
	case undecoded != nil:
		class, e.Err = credential.Unusable, fmt.Errorf("the answer can't be used: %w (status %d)", undecoded, status)
	default:
		e.Err = fmt.Errorf("the authorization server rejected the request: %s", said)
	}
	return r.failed(class, a.status, e)
}

// SignInError returns the error for a sign-in that the server ended by redirecting the browser with a code and a
// description of an error (RFC 6749, section 4.1.2.1).
func (s Server) SignInError(code, description string) error {
	r := request{doing: "signing in", endpoint: s.Authorization}
	e := &Error{Code: r.shownCode(code), Description: sanitize(description, nil)}
	e.Err = fmt.Errorf("the authorization server refused: %s", explain(e, 0))
	return r.failed(classOf(e.Code), 0, e)
}

// classOf returns the class of an error with a code, as far as the code determines it.
func classOf(code string) credential.Class {
	switch code {
	case "invalid_grant", "access_denied", "invalid_client", "unauthorized_client", "expired_token":
		return credential.Refused
	case "server_error", "temporarily_unavailable":
		return credential.Unreachable
	}
	return credential.Other
}

// mayHaveSucceeded reports whether a call may have succeeded despite its answer. With 500 and 503 the server itself
// says that it failed. Any other 5xx comes from a gateway (502, 504, Cloudflare's 52x), which may have lost the
// server's answer.
func mayHaveSucceeded(a answer) bool {
	return a.status > 500 && a.status != http.StatusServiceUnavailable
}

// explain returns what is known about a failed call.
func explain(e *Error, status int) string {
	switch {
	case e.Code != "" && e.Description != "":
		return e.Code + ": " + e.Description
	case e.Code != "" || e.Description != "":
		return e.Code + e.Description
	}
	return cmp.Or(http.StatusText(status), "no reason given")
}

// shownCode returns a server's code, or "" for a text that isn't one.
func (r request) shownCode(code string) string {
	if !regexp.MustCompile(`^[A-Za-z0-9._-]{1,63}$`).MatchString(code) || sanitize(code, r.secrets) != code {
		return ""
	}
	return code
}
