// Package digitalocean gets Kubernetes clusters and their credentials from the DigitalOcean API, and
// finds the access token for it.
//
// It uses github.com/digitalocean/godo for the API (https://docs.digitalocean.com/reference/api/),
// over its own transport. The transport retries transient
// failures that can't have minted a token, within the caller's deadline; follows no redirects; honors the proxy
// variables HTTPS_PROXY and NO_PROXY; limits the size of answers; and sends the access token only over
// https or to a loopback address.
//
// Errors are *[credential.Error] with a class.
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

// Client is a client of the API. Its methods are safe for concurrent use.
type Client struct {
	api     *godo.Client
	options Options
}

// Options are a Client's settings. Only AccessToken is required.
type Options struct {
	AccessToken AccessToken
	APIURL      string            // "": DefaultAPIURL
	UserAgent   string            // prepended to godo's
	Transport   http.RoundTripper // sends each attempt; nil: one like http.DefaultTransport
	Now         func() time.Time  // nil: time.Now
	Log         *slog.Logger      // nil: silent

	own *http.Transport // Transport, if it is this package's
}

// NewClient returns a Client. It returns an error of class Usage or Unsafe if the access token can't be sent in a
// header or must not be sent to the address.
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
	if o.Transport == nil {
		o.own = newTransport()
		o.Transport = o.own
	}
	api, err := godo.New(newHTTPClient(o), godo.SetBaseURL(o.APIURL), godo.SetUserAgent(o.UserAgent))
	if err != nil {
		return nil, err
	}
	return &Client{api, o}, nil
}

// CloseIdleConnections closes idle connections, which are otherwise kept for up to a minute, and ends
// their goroutines. It doesn't affect Options.Transport.
func (c *Client) CloseIdleConnections() {
	if c.options.own != nil {
		c.options.own.CloseIdleConnections()
	}
}

// clustersPath is the path of the list of clusters. A cluster's path is its ID below that.
const clustersPath = "/v2/kubernetes/clusters"

// get gets path and passes the answer's body to decode. The header is nil if there is no answer.
func (c *Client) get(ctx context.Context, path, scope string, decode func(body io.Reader) error) (http.Header, error) {
	asked := c.options.Now()
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
		err = c.failure(ctx, err, c.options.Now().Sub(asked), scope)
	}
	return header, err
}
