package digitalocean

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	maxRetries = 2
	firstWait  = 250 * time.Millisecond // before the first retry; four times that before the second
	maxWait    = 10 * time.Second       // a longer wait, when the API asks for it, is left to the user

	longest = (1 << 31) * time.Second // some 68 years; whatever is longer counts as this

	lastSecond = 253402300799 // of the year 9999, since 1970; time.Unix wraps around far beyond

	// A retry is made only when it has this long, so that a short deadline means one attempt.
	minAttempt = 2 * time.Second

	dialTimeout    = 5 * time.Second
	attemptTimeout = 15 * time.Second
)

// newHTTPClient returns the client that godo uses: retries around attempts, each of which carries
// the access token and has a bounded answer. godo's own retries won't do: they replace the
// transport, and wait as long as the API says.
func newHTTPClient(o Options) *http.Client {
	retries := &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport: &attempt{base: o.Transport, accessToken: o.AccessToken.Secret},
			Timeout:   attemptTimeout,
		},
		RetryMax:     maxRetries,
		CheckRetry:   retryPolicy(o),
		Backoff:      func(_, _ time.Duration, n int, r *http.Response) time.Duration { return wait(n, r, o.Now()) },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	return &http.Client{Transport: &retryablehttp.RoundTripper{Client: retries}}
}

// newTransport returns a transport like http.DefaultTransport, with bounds that suit one small request. It
// speaks HTTP/1.1 only: there net/http lets a request be sent once (see attempt), while its HTTP/2
// repeats some on its own.
func newTransport() *http.Transport {
	http1 := new(http.Protocols)
	http1.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  proxyOf,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:    dialTimeout,
		Protocols:              http1,
		DisableCompression:     true, // an answer is small, and this bounds what it can grow to
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// proxyOf returns the proxy for a request, or nil: as the environment says, but none in clear text, which is for
// this machine alone. http.ProxyFromEnvironment leaves out that host by some of its names only.
func proxyOf(r *http.Request) (*url.URL, error) {
	if r.URL.Scheme != "https" {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
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
			o.Log.Warn("the API did not answer", "reason", o.describe(err))
		} else {
			o.Log.Warn("the API answered with a failure", "status", resp.StatusCode)
		}
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() || mayHaveMinted(resp, err) {
			return false, nil
		}
		// The wait of a first retry stands for that of a later one, which differs only when the API
		// doesn't say how long to wait.
		pause := wait(0, resp, o.Now())
		deadline, ok := ctx.Deadline()
		return pause <= maxWait && (!ok || time.Until(deadline) >= pause+minAttempt), nil
	}
}

// mayHaveMinted reports whether a request that failed may have minted a token all the same. With 429, 503
// and 500 the API itself says that it didn't do what was asked. Any other 5xx is a gateway's (502, 504,
// Cloudflare's 52x), which lost the API's answer or never had one.
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

// wait returns how long to wait before retry n, counted from 0: what the API asks for, or else a
// time that grows, and differs between clients, so that they don't come back all at once.
func wait(n int, resp *http.Response, now time.Time) time.Duration {
	if resp != nil {
		if asked, ok := retryAfter(resp.Header, now); ok {
			return asked
		}
	}
	grown := firstWait << (2 * n)
	return grown/2 + rand.N(grown)
}

// retryAfter returns how long the API asks to wait: by Retry-After in either form (RFC 9110,
// section 10.2.3), which comes with a burst limit, or for the hourly limit, if that is used up, by
// the time of its reset (https://docs.digitalocean.com/reference/api/reference/#rate-limit).
// Times are taken by the API's own clock, if it tells. The wait is not negative, and bounded.
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
