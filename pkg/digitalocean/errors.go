package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/digitalocean/godo"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// The access token's scopes that calls need.
const (
	scopeCredentials = "kubernetes:access_cluster"
	scopeClusters    = "kubernetes:read"
)

// failure returns what went wrong with a call that took so long and needs that scope, classified and in
// words for the user.
func (c *Client) failure(ctx context.Context, err error, took time.Duration, scope string) error {
	if answer, ok := errors.AsType[*godo.ErrorResponse](err); ok && answer.Response != nil {
		return c.refusal(answer, scope)
	}
	if undecoded, ok := errors.AsType[decodeError](err); ok {
		return c.unusable(undecoded, 0)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("interrupted: %w", context.Canceled)
	}
	text := c.options.describe(err)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		text = fmt.Sprintf("no answer within %s", took.Round(100*time.Millisecond))
	}
	return &credential.Error{
		Class: credential.Unreachable,
		Err:   fmt.Errorf("asking %s: %s", c.apiURL, text),
	}
}

// refusal returns the failure that an answer with another status than 2xx means, for a call that needs
// that scope.
func (c *Client) refusal(answer *godo.ErrorResponse, scope string) error {
	response := answer.Response
	said := answer.Message
	if said == "" && answer.NestedError != nil {
		said = answer.NestedError.Message
	}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		said = "" // a proxy's page
	}
	said = sanitize(said, c.accessToken.Secret)
	if said == "" {
		said = http.StatusText(response.StatusCode)
	}
	what := fmt.Sprintf("%s (status %d", said, response.StatusCode)
	if answer.RequestID != "" {
		what += ", request " + sanitize(answer.RequestID, c.accessToken.Secret)
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
		class, failed.Err = credential.Unreachable, fmt.Errorf("the API limits the rate of calls: %s", what)
		if pause, ok := retryAfter(response.Header, c.now()); ok {
			failed.RetryAt = c.now().Add(pause)
		}
	case status >= 500:
		class, failed.Err = credential.Unreachable, fmt.Errorf("the API failed: %s", what)
	case status >= 300 && status < 400:
		class, failed.Err = credential.Unsafe, fmt.Errorf("refusing to follow a redirect of %s: %s", c.apiURL, what)
	default:
		failed.Err = fmt.Errorf("the API rejected the request: %s", what)
	}
	return &credential.Error{Class: class, Status: response.StatusCode, Err: failed}
}

// APIError is an answer of the API's with another status than 2xx; the status is in the credential.Error that
// wraps it.
type APIError struct {
	Scope   string    // that the call needs the access token to have
	RetryAt time.Time // with status 429, when the API takes calls again; zero when it doesn't say
	Err     error
}

// Error returns the text of the wrapped error.
func (e *APIError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *APIError) Unwrap() error { return e.Err }

// unusable returns the failure that a useless answer means. skew is how far the local clock is
// ahead of the API's.
func (c *Client) unusable(reason error, skew time.Duration) error {
	err := fmt.Errorf("the answer of %s can't be used: %w", c.apiURL, reason)
	switch {
	case skew > 0:
		err = fmt.Errorf("%w; the local clock is %s ahead of the API's", err, skew)
	case skew < 0:
		err = fmt.Errorf("%w; the local clock is %s behind the API's", err, -skew)
	}
	return &credential.Error{Class: credential.Unusable, Err: err, ClockSkew: skew}
}

const (
	maxSaid    = 300
	shortToken = 8 // none is that short but in tests, where it would be found in other words
)

// sanitize makes a text from outside fit to be shown in one line of a terminal: bounded, with
// nothing in it that controls the terminal, and neither the access token nor a proxy's password.
func sanitize(s string, accessToken credential.Secret) string {
	if token := accessToken.Reveal(); len(token) > shortToken {
		s = strings.ReplaceAll(s, token, accessToken.String())
	}
	s = regexp.MustCompile(`://[^/@\s]*@`).ReplaceAllString(s, "://[redacted]@")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > maxSaid {
		s = string(runes[:maxSaid]) + "…"
	}
	return s
}
