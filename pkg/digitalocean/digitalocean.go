// Package digitalocean asks the DigitalOcean API for Kubernetes clusters and their credentials, and
// finds the access token to ask with.
//
// The API is described at https://docs.digitalocean.com/reference/api/; it is spoken by
// github.com/digitalocean/godo, over a transport of this package's own. That transport retries what
// may pass and can't mint twice, within the caller's deadline; follows no redirect; honours the proxy variables
// HTTPS_PROXY and NO_PROXY; reads a bounded part of an answer; and sends the access token over
// https, or to a loopback address, and nowhere else.
//
// Failures are *[credential.Error] with their class.
package digitalocean

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/digitalocean/godo"
)

// DefaultAPIURL is the API's address.
const DefaultAPIURL = "https://api.digitalocean.com"

// Client asks the API. Its methods may be called by many goroutines at once.
type Client struct {
	api         *godo.Client
	apiURL      string
	accessToken AccessToken
	now         func() time.Time
	transport   *http.Transport // our own; nil: the caller's is used
	options     Options
}

// Options are a Client's settings. AccessToken must be given; the zero values of the others do.
type Options struct {
	AccessToken AccessToken
	APIURL      string            // "": DefaultAPIURL
	UserAgent   string            // put before godo's
	Transport   http.RoundTripper // carries each attempt; nil: one like http.DefaultTransport
	Now         func() time.Time  // nil: time.Now
	Log         *slog.Logger      // nil: silent

	ownTransport bool // Transport is this package's
}

// NewClient returns a client. It fails, with class Usage or Unsafe, on an access token that no
// header can carry and on an address that the access token must not be sent to.
func NewClient(o Options) (*Client, error) {
	if o.APIURL == "" {
		o.APIURL = DefaultAPIURL
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := o.AccessToken.check(); err != nil {
		return nil, err
	}
	if err := CheckAPIURL(o.APIURL); err != nil {
		return nil, err
	}
	o.APIURL = NormalAPIURL(o.APIURL)
	var own *http.Transport
	if o.Transport == nil {
		own = newTransport()
		o.Transport, o.ownTransport = own, true
	}
	api, err := godo.New(newHTTPClient(o), godo.SetBaseURL(o.APIURL), godo.SetUserAgent(o.UserAgent))
	if err != nil {
		return nil, err
	}
	return &Client{api: api, apiURL: o.APIURL, accessToken: o.AccessToken, now: o.Now, transport: own, options: o}, nil
}

// CloseIdleConnections closes the connections that are kept for a next call, a minute at most, with
// their goroutines. It leaves those of Options.Transport alone.
func (c *Client) CloseIdleConnections() {
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
}

// clustersPath is the path of the list of clusters; a cluster's is its id below that.
const clustersPath = "/v2/kubernetes/clusters"

// get asks for what a path names, and has decode read the answer. The header is nil when there is no answer.
func (c *Client) get(ctx context.Context, path, scope string, decode func(body io.Reader) error) (http.Header, error) {
	asked := c.now()
	request, err := c.api.NewRequest(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	var header http.Header
	response, err := c.api.DoStream(ctx, request)
	if response != nil {
		header = response.Header
	}
	if err == nil {
		err = decode(response.Body)
		response.Body.Close()
	}
	if err != nil {
		err = c.failure(ctx, err, c.now().Sub(asked), scope)
	}
	return header, err
}
