package digitalocean

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/internal/onecall"
)

const (
	maxBody      = 1 << 20
	maxListBody  = 64 << 20 // a page of 200 clusters, with all their nodes
	maxErrorBody = 64 << 10 // of an answer with a status other than 2xx
)

// attempt sends one request to the API, with the access token, and limits the size of the answer. It removes the
// Location of a redirect, so that redirects aren't followed and the access token isn't sent
// elsewhere.
//
// A request that mints is sent only once. If it may have arrived but its answer was lost, the error is a
// lostAnswer.
type attempt struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (a *attempt) RoundTrip(req *http.Request) (*http.Response, error) {
	var way onecall.Delivery
	ctx := req.Context()
	if mints(req) {
		ctx = way.Track(ctx)
	}
	req = req.Clone(ctx)
	if mints(req) {
		// net/http itself repeats a GET when a reused connection breaks, unless the
		// request has a body that can't be read again. This empty one is sent as no body.
		req.Body = io.NopCloser(strings.NewReader(""))
	}
	req.Header.Set("Authorization", "Bearer "+bearerOf(ctx).Reveal())
	resp, err := a.base.RoundTrip(req)
	switch {
	case err == nil:
	case mints(req) && !way.IsUnsent():
		return nil, lostAnswer{err}
	default:
		return nil, err
	}
	if resp.Request == nil {
		resp.Request = req
	}
	resp.Header.Del("Location")
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: maxBodyOf(resp)}
	return resp, nil
}

// mints reports whether a request mints a token each time it arrives.
func mints(req *http.Request) bool { return strings.HasSuffix(req.URL.Path, "/credentials") }

func maxBodyOf(resp *http.Response) int {
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return maxErrorBody
	case strings.HasSuffix(resp.Request.URL.Path, "/clusters"):
		return maxListBody
	}
	return maxBody
}

// lostAnswer is a network failure after a request that mints was sent: it may have minted.
type lostAnswer struct{ error }

// Unwrap returns the cause.
func (e lostAnswer) Unwrap() error { return e.error }

// Timeout returns the cause's Timeout; url.Error calls it without unwrapping.
func (e lostAnswer) Timeout() bool { return onecall.IsTimeout(e.error) }

// readError is a network failure in the middle of an answer, as opposed to a complete answer that
// can't be decoded.
type readError struct{ error }

// Unwrap returns the cause.
func (e readError) Unwrap() error { return e.error }

var errTooLarge = errors.New("it is too large")

// boundedBody is a body that fails permanently once more than left bytes are read.
type boundedBody struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= n
	if b.left < 0 {
		return n - 1, errTooLarge
	}
	if err != nil && err != io.EOF {
		err = readError{err}
	}
	return n, err
}
