package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
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
	text := sanitize(cause(err).Error(), c.accessToken.Secret)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		text = fmt.Sprintf("no answer within %s", took.Round(100*time.Millisecond))
	}
	return &credential.Error{
		Class: credential.Unreachable,
		Err:   fmt.Errorf("asking %s: %s", c.apiURL, text),
		Hint:  "check the network; behind a proxy set HTTPS_PROXY, and have the system trust its certificate authority",
	}
}

// cause returns an error of net/http without the method and the URL.
func cause(err error) error {
	if wrapper, ok := errors.AsType[*url.Error](err); ok {
		return wrapper.Err
	}
	return err
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

	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized:
		return &credential.Error{
			Class: credential.Refused,
			Err:   fmt.Errorf("the API refused the access token: %s", what),
			Hint:  "the access token is wrong, expired or revoked; replace it",
		}
	case status == http.StatusForbidden:
		return &credential.Error{
			Class: credential.Refused,
			Err:   fmt.Errorf("the API denied access: %s", what),
			Hint:  "the access token needs the scope " + scope,
		}
	case status == http.StatusNotFound:
		return &credential.Error{
			Class: credential.NotFound,
			Err:   fmt.Errorf("the API knows no such cluster: %s", what),
			Hint:  "check the cluster id, and that the access token is of the cluster's team",
		}
	case status == http.StatusTooManyRequests:
		hint := "the limit is the account's; try again later"
		if pause, ok := retryAfter(response.Header, c.now()); ok {
			hint = "try again after " + c.now().Add(pause).UTC().Format(time.RFC3339)
		}
		return &credential.Error{
			Class: credential.Unreachable,
			Err:   fmt.Errorf("the API limits the rate of calls: %s", what),
			Hint:  hint,
		}
	case status == http.StatusUnprocessableEntity:
		return &credential.Error{
			Err:  fmt.Errorf("the API rejected the request: %s", what),
			Hint: "the expiry that is asked for may be out of the API's range",
		}
	case status >= 500:
		return &credential.Error{
			Class: credential.Unreachable,
			Err:   fmt.Errorf("the API failed: %s", what),
			Hint:  "try again later; https://status.digitalocean.com tells of incidents",
		}
	case status >= 300 && status < 400:
		return &credential.Error{
			Class: credential.Unsafe,
			Err:   fmt.Errorf("refusing to follow a redirect of %s: %s", c.apiURL, what),
			Hint:  "a proxy or a login page may stand in the way; else check the API address",
		}
	default:
		return &credential.Error{Err: fmt.Errorf("the API rejected the request: %s", what)}
	}
}

// unusable returns the failure that a useless answer means. skew is how far the local clock is
// ahead of the API's.
func (c *Client) unusable(reason error, skew time.Duration) error {
	e := &credential.Error{
		Class: credential.Unusable,
		Err:   fmt.Errorf("the answer of %s can't be used: %w", c.apiURL, reason),
		Hint:  "something else than the API may have answered: check the API address and proxies",
	}
	switch {
	case skew > 0:
		e.Err = fmt.Errorf("%w; the local clock is %s ahead of the API's", e.Err, skew)
		e.Hint = "set the clock"
	case skew < 0:
		e.Err = fmt.Errorf("%w; the local clock is %s behind the API's", e.Err, -skew)
		e.Hint = "set the clock"
	}
	return e
}

const maxSaid = 300

// sanitize makes a text from outside fit to be shown in one line of a terminal: bounded, with
// nothing in it that controls the terminal, and neither the access token nor a proxy's password.
func sanitize(s string, accessToken credential.Secret) string {
	s = strings.ReplaceAll(s, accessToken.Reveal(), accessToken.String())
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
