package digitalocean

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

const (
	maxRetries = 2
	firstWait  = 250 * time.Millisecond // before the first retry; four times that before the second
	maxWait    = 10 * time.Second       // a longer wait, when the API asks for it, is left to the user

	longWait = 1 << 31 // seconds; whatever is longer counts as this

	// A retry is made only when it has this long, so that a short deadline means one attempt.
	minAttempt = 2 * time.Second

	dialTimeout    = 5 * time.Second
	attemptTimeout = 15 * time.Second

	maxBody     = 1 << 20
	maxListBody = 64 << 20 // a page of 200 clusters, with all their nodes
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

// newTransport returns http.DefaultTransport's like, with bounds that suit one small request.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:    dialTimeout,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // an answer is small, and this bounds what it can grow to
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// retryPolicy retries what may pass by itself (a failure of the network, 429, 5xx), when the wait
// and another attempt fit before the deadline. A timeout isn't retried: the user has waited, and the
// API may have minted a token and be slow to say so. The policy never returns an error: it would
// replace the answer.
func retryPolicy(o Options) retryablehttp.CheckRetry {
	return func(ctx context.Context, resp *http.Response, err error) (bool, error) {
		if retry, _ := retryablehttp.DefaultRetryPolicy(ctx, resp, err); !retry {
			return false, nil
		}
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
			return false, nil
		}
		// The wait of a first retry stands for that of a later one, which differs only when the API
		// doesn't say how long to wait.
		pause := wait(0, resp, o.Now())
		deadline, ok := ctx.Deadline()
		if pause > maxWait || ok && time.Until(deadline) < pause+minAttempt {
			return false, nil
		}
		if err != nil {
			o.Log.Warn("the API did not answer", "reason", sanitize(cause(err).Error(), o.AccessToken.Secret))
		} else {
			o.Log.Warn("the API answered with a failure", "status", resp.StatusCode)
		}
		return true, nil
	}
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
// Times are taken by the API's own clock, if it tells.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, longWait)) * time.Second, true
	}
	if date, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		return max(date.Sub(now), 0), true
	}
	reset, err := strconv.ParseInt(h.Get("Ratelimit-Reset"), 10, 64)
	if err == nil && h.Get("Ratelimit-Remaining") == "0" {
		return max(time.Unix(reset, 0).Sub(now), 0), true
	}
	return 0, false
}

// attempt is one request to the API: it carries the access token, and bounds the answer. A redirect
// is an answer like any other, as it is without its Location: the access token isn't carried
// elsewhere.
type attempt struct {
	base        http.RoundTripper
	accessToken credential.Secret
}

// RoundTrip implements http.RoundTripper.
func (a *attempt) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+a.accessToken.Reveal())
	resp, err := a.base.RoundTrip(req)
	if err == nil {
		resp.Header.Del("Location")
		limit := maxBody
		if strings.HasSuffix(req.URL.Path, "/clusters") {
			limit = maxListBody
		}
		resp.Body = &boundedBody{ReadCloser: resp.Body, left: limit}
	}
	return resp, err
}

// readError is a failure of the network in the middle of an answer, as opposed to an answer that is
// whole and can't be decoded.
type readError struct{ error }

// Unwrap returns the cause.
func (e readError) Unwrap() error { return e.error }

var errTooLarge = errors.New("it is too large")

// boundedBody fails when more is read of a body than left says.
type boundedBody struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if n > b.left {
		return b.left, errTooLarge
	}
	b.left -= n
	if err != nil && err != io.EOF {
		err = readError{err}
	}
	return n, err
}
