package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/digitalocean/godo"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/onecall"
)

// The scopes that calls require of the access token.
const (
	scopeCredentials = "kubernetes:access_cluster"
	scopeClusters    = "kubernetes:read"
	scopeAccount     = "account:read"
)

// failure returns a classified error for a failed call, in words for the user. took is how long the call took,
// and scope is what it requires of the access token.
func (c *Client) failure(ctx context.Context, err error, took time.Duration, scope string) error {
	if answer, ok := errors.AsType[*godo.ErrorResponse](err); ok && answer.Response != nil {
		return c.refusal(ctx, answer, scope)
	}
	if undecoded, ok := errors.AsType[decodeError](err); ok {
		return c.unusable(undecoded, 0)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("interrupted: %w", context.Canceled)
	}
	text := c.options.describe(ctx, err)
	if onecall.IsTimeout(err) {
		text = fmt.Sprintf("no answer within %s", took.Round(100*time.Millisecond))
	}
	return &credential.Error{
		Class: credential.Unreachable,
		Err:   fmt.Errorf("asking %s: %s", c.options.APIURL, text),
	}
}

// refusal returns the error for an answer with a status other than 2xx to a call that requires scope.
func (c *Client) refusal(ctx context.Context, answer *godo.ErrorResponse, scope string) error {
	response := answer.Response
	said := answer.Message
	if said == "" && answer.NestedError != nil {
		said = answer.NestedError.Message
	}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		said = "" // a proxy's page
	}
	said = sanitize(said, bearerOf(ctx))
	if said == "" {
		said = http.StatusText(response.StatusCode)
	}
	what := fmt.Sprintf("%s (status %d", said, response.StatusCode)
	if answer.RequestID != "" {
		what += ", request " + sanitize(answer.RequestID, bearerOf(ctx))
	}
	what += ")"

	failed := &APIError{Scope: scope}
	class := credential.Other
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized:
		class, failed.Err = credential.Refused, fmt.Errorf("the API refused the access token: %s", what)
	case status == http.StatusForbidden:
		class, failed.Err = credential.Refused, fmt.Errorf("the API denied access: %s", what)
	case status == http.StatusNotFound:
		class, failed.Err = credential.NotFound, fmt.Errorf("the API knows no such cluster: %s", what)
	case status == http.StatusTooManyRequests:
		class, failed.Err = credential.Unreachable, fmt.Errorf("rate limited by the API: %s", what)
		if pause, ok := retryAfter(response.Header, c.options.Now()); ok {
			failed.RetryAt = c.options.Now().Add(pause)
		}
	case status >= 500:
		class, failed.Err = credential.Unreachable, fmt.Errorf("the API failed: %s", what)
	case status >= 300 && status < 400:
		class = credential.Unsafe
		failed.Err = fmt.Errorf("refusing to follow a redirect from %s: %s", c.options.APIURL, what)
	default:
		failed.Err = fmt.Errorf("the API rejected the request: %s", what)
	}
	return &credential.Error{Class: class, Status: response.StatusCode, Err: failed}
}

// APIError is an answer from the API with a status other than 2xx. The [credential.Error] that
// wraps it holds the status.
type APIError struct {
	Scope   string    // required of the access token by the call
	RetryAt time.Time // with status 429, when the API accepts calls again; zero if unknown
	Err     error
}

// Error returns the text of the wrapped error.
func (e *APIError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *APIError) Unwrap() error { return e.Err }

// unusable returns the error for an answer that can't be used. skew is how far the local clock is
// ahead of the API's.
func (c *Client) unusable(reason error, skew time.Duration) error {
	err := fmt.Errorf("the answer from %s can't be used: %w", c.options.APIURL, reason)
	switch {
	case skew > 0:
		err = fmt.Errorf("%w; the local clock is %s ahead of the API's", err, skew)
	case skew < 0:
		err = fmt.Errorf("%w; the local clock is %s behind the API's", err, -skew)
	}
	return &credential.Error{Class: credential.Unusable, Err: err, ClockSkew: skew}
}

const shortToken = 8 // only in tests, where such a token could match parts of words

// sanitize makes an external text safe to show on one line of a terminal: it limits the length and removes
// control characters, the access token and proxy passwords.
func sanitize(s string, accessToken credential.Secret) string {
	if token := accessToken.Reveal(); len(token) > shortToken {
		s = strings.ReplaceAll(s, token, accessToken.String())
	}
	s = regexp.MustCompile(`://[^/@\s]*@`).ReplaceAllString(s, "://[redacted]@")
	return onecall.Line(s, nil)
}
