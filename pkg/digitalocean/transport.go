package digitalocean

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/doks-auth/doks-auth/pkg/internal/onecall"
)

const (
	maxRetries = 2
	firstWait  = 250 * time.Millisecond // before the first retry; four times that before the second
	maxWait    = 10 * time.Second       // if the API asks for a longer wait, the call isn't retried

	longest = (1 << 31) * time.Second // about 68 years; longer waits are clamped to this

	lastSecond = 253402300799 // of the year 9999, since 1970; time.Unix overflows far beyond

	// A retry needs at least this much time, so that a short deadline means one attempt.
	minAttempt = 2 * time.Second

	attemptTimeout = 15 * time.Second
)

// newHTTPClient returns the client for godo: retries around attempts, each with
// the access token and a limit on the answer. godo's own retries won't do: they replace the
// transport and wait as long as the API says.
func newHTTPClient(o Options) *http.Client {
	retries := &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: &attempt{base: o.Transport},
			Timeout:   attemptTimeout,
		},
		RetryMax:     maxRetries,
		CheckRetry:   retryPolicy(o),
		Backoff:      func(_, _ time.Duration, n int, r *http.Response) time.Duration { return wait(n, r, o.Now()) },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	return &http.Client{Transport: &retryablehttp.RoundTripper{Client: retries}}
}

// retryPolicy retries what may pass by itself (a failure of the network, 429, 5xx), when that can't mint
// twice, and the wait and another attempt fit before the deadline. A timeout isn't retried: the user has
// waited. The policy never returns an error: it would replace the answer.
func retryPolicy(o Options) retryablehttp.CheckRetry {
	return func(ctx context.Context, resp *http.Response, err error) (bool, error) {
		if retry, _ := retryablehttp.DefaultRetryPolicy(ctx, resp, err); !retry {
			return false, nil
		}
		if err != nil {
			o.Log.Warn("the API did not answer", "reason", o.describe(ctx, err))
		} else {
			o.Log.Warn("the API answered with a failure", "status", resp.StatusCode)
		}
		if onecall.IsTimeout(err) || mayHaveMinted(resp, err) {
			return false, nil
		}
		// The first retry's wait is used for later ones too. They differ only if the API
		// doesn't say how long to wait.
		pause := wait(0, resp, o.Now())
		deadline, ok := ctx.Deadline()
		return pause <= maxWait && (!ok || time.Until(deadline) >= pause+minAttempt), nil
	}
}

// mayHaveMinted reports whether a failed request may still have minted a token. With 429, 503
// and 500 the API itself says that it failed. Any other 5xx comes from a gateway (502, 504,
// Cloudflare's 52x), which may have lost the API's answer.
func mayHaveMinted(resp *http.Response, err error) bool {
	if err != nil {
		_, lost := errors.AsType[lostAnswer](err)
		return lost
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable:
		return false
	}
	return resp.Request != nil && mints(resp.Request)
}

// wait returns how long to wait before retry n, counted from 0: as long as the API asks for, or else a
// growing time with jitter, so that clients don't all retry at once.
func wait(n int, resp *http.Response, now time.Time) time.Duration {
	if resp != nil {
		if asked, ok := retryAfter(resp.Header, now); ok {
			return asked
		}
	}
	grown := firstWait << (2 * n)
	return grown/2 + rand.N(grown)
}

// retryAfter returns how long the API asks clients to wait: by Retry-After in either form (RFC 9110,
// section 10.2.3), which it sends for a burst limit, or until the hourly limit, if exhausted,
// is reset (https://docs.digitalocean.com/reference/api/reference/#rate-limit).
// Times are relative to the API's clock, if known. The wait is never negative and at most longest.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	if date, err := http.ParseTime(h.Get("Date")); err == nil && isCredible(now.Sub(date)) {
		now = date
	}
	asked := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(asked, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(longest/time.Second))) * time.Second, true
	}
	if date, err := http.ParseTime(asked); err == nil {
		return min(max(date.Sub(now), 0), longest), true
	}
	reset, err := strconv.ParseInt(h.Get("Ratelimit-Reset"), 10, 64)
	if (err == nil || errors.Is(err, strconv.ErrRange)) && h.Get("Ratelimit-Remaining") == "0" {
		date := time.Unix(min(max(reset, 0), lastSecond), 0)
		return min(max(date.Sub(now), 0), longest), true
	}
	return 0, false
}
