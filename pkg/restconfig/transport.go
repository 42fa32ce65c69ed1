package restconfig

import (
	"errors"
	"io"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/streaming/pkg/httpstream"
)

// maxSends limits how often a request is sent: the token that replaces a refused one may come from
// another process and be revoked as well.
const maxSends = 3

// tokenTransport sends requests with the tokenCache's token. client-go wraps it around the
// transports of plain requests and of SPDY and WebSocket upgrades.
type tokenTransport struct {
	next   http.RoundTripper
	tokens *tokenCache
}

// RoundTrip implements http.RoundTripper.
func (t *tokenTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Header.Get("Authorization") != "" {
		return t.next.RoundTrip(req)
	}
	if err := t.tokens.checkURL(req.URL); err != nil {
		closeBody(req)
		return nil, err
	}
	for sends := 1; ; sends++ {
		c, err := t.tokens.credential(req.Context())
		if err != nil {
			closeBody(req)
			return nil, err
		}
		out := req.Clone(req.Context())
		out.Header.Set("Authorization", "Bearer "+c.Token.Reveal())
		resp, err := t.next.RoundTrip(out)
		if !isUnauthorized(resp, err) {
			if isAnswered(err) && !c.accepted.Load() {
				c.accepted.Store(true)
			}
			return resp, err
		}
		if !t.tokens.refuse(c) {
			return resp, err
		}
		again, ok := replay(req)
		if !ok || sends == maxSends {
			t.tokens.renew(c) // for the next request
			return resp, err
		}
		if resp != nil {
			io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can be reused
			resp.Body.Close()
		}
		req = again
	}
}

// WrappedRoundTripper returns the wrapped transport for client-go.
func (t *tokenTransport) WrappedRoundTripper() http.RoundTripper { return t.next }

// isUnauthorized reports whether the server refused the token. A refused WebSocket upgrade returns
// only an error, no response.
func isUnauthorized(resp *http.Response, err error) bool {
	if err == nil {
		return resp.StatusCode == http.StatusUnauthorized
	}
	upgrade, ok := errors.AsType[*httpstream.UpgradeFailureError](err)
	return ok && apierrors.IsUnauthorized(upgrade.Cause)
}

// isAnswered reports whether the server answered. It does with an error, too, if it refuses a WebSocket upgrade.
func isAnswered(err error) bool {
	_, isUpgrade := errors.AsType[*httpstream.UpgradeFailureError](err)
	return err == nil || isUpgrade
}

// replay returns a copy of a sent request to send again, or false if its body can't be sent again.
func replay(req *http.Request) (*http.Request, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, false
	}
	again := req.WithContext(req.Context())
	again.Body = body
	return again, true
}

// closeBody closes the body of a request that isn't sent, as http.RoundTripper requires.
func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}
