package restconfig

import (
	"errors"
	"io"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/streaming/pkg/httpstream"
)

// maxSends bounds how often a request is sent: a token that takes the place of a refused one may be
// another process's, and revoked as well.
const maxSends = 3

// tokenTransport sends requests with the token that the tokenCache holds. client-go puts it around the
// transport of plain requests, and around those of SPDY and websocket upgrades.
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
		if !isUnauthorized(resp, err) || !t.tokens.refuse(c) {
			return resp, err
		}
		again, ok := replay(req)
		if !ok || sends == maxSends {
			t.tokens.renew(c) // for the next request
			return resp, err
		}
		if resp != nil {
			io.CopyN(io.Discard, resp.Body, 4<<10) // so that the connection can be used again
			resp.Body.Close()
		}
		req = again
	}
}

// WrappedRoundTripper lets client-go find what is wrapped.
func (t *tokenTransport) WrappedRoundTripper() http.RoundTripper { return t.next }

// isUnauthorized tells whether the server refused the token. A websocket upgrade that is refused has
// no response, only an error.
func isUnauthorized(resp *http.Response, err error) bool {
	if err == nil {
		return resp.StatusCode == http.StatusUnauthorized
	}
	upgrade, ok := errors.AsType[*httpstream.UpgradeFailureError](err)
	return ok && apierrors.IsUnauthorized(upgrade.Cause)
}

// replay returns a request that was sent, to be sent again; false if its body can't be.
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

// closeBody closes the body of a request that isn't sent, as a RoundTripper must.
func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}
