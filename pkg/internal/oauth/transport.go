package oauth

import (
	"net/http"

	"github.com/doks-auth/doks-auth/pkg/internal/onecall"
)

// transport returns the client's transport, or a new one that uses each connection only once: minutes pass between
// the requests of a sign-in, and a request that can't be repeated must not meet a connection that the server has
// closed meanwhile.
func (c *Client) transport() http.RoundTripper {
	if c.HTTP != nil {
		return c.HTTP
	}
	transport := onecall.NewTransport()
	transport.DisableKeepAlives = true
	return transport
}

// describe says why there was no answer, without secrets. Whether a caller's own transport uses a proxy is unknown,
// so no address is shown then.
func (c *Client) describe(request *http.Request, err error) string {
	server := onecall.Peer{
		Name:  "an authorization server",
		Clean: func(text string) string { return sanitize(text, nil) },
	}
	if c.HTTP != nil {
		return server.Reason(err)
	}
	return server.Describe(request.URL, err)
}
