// Package digitalocean gets Kubernetes clusters and their credentials from the DigitalOcean API. Package
// account, below it, finds access tokens.
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
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/digitalocean/godo"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/onecall"
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
	AccessToken Bearer            // such as an AccessToken
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
	if o.AccessToken == nil {
		o.AccessToken = AccessToken{Source: "Options.AccessToken"}
	}
	if t, ok := o.AccessToken.(AccessToken); ok {
		if err := t.Check(); err != nil {
			return nil, err
		}
	}
	if err := CheckAPIURL(o.APIURL); err != nil {
		return nil, err
	}
	o.APIURL = NormalAPIURL(o.APIURL)
	if o.Transport == nil {
		o.own = onecall.NewTransport()
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

// get gets path and passes the answer's body to decode. The header is nil if there is no answer. If the API refuses
// the access token and there is another one, get tries once more with that.
func (c *Client) get(ctx context.Context, path, scope string, decode func(body io.Reader) error) (http.Header, error) {
	bearer := c.options.AccessToken
	began := time.Now()
	token, err := bearer.Token(ctx)
	if err != nil {
		return nil, err
	}
	if err := credential.CheckTime(ctx, time.Since(began), "getting an access token"); err != nil {
		return nil, err
	}
	header, err := c.getAs(withBearer(ctx, token), path, scope, decode)
	if !isUnauthorized(err) {
		return header, err
	}
	began = time.Now()
	other, replaceErr := bearer.Replace(ctx, token)
	if replaceErr != nil || other.IsZero() {
		return header, cmp.Or(replaceErr, err)
	}
	if err := credential.CheckTime(ctx, time.Since(began), "getting another access token"); err != nil {
		return nil, err
	}
	return c.getAs(withBearer(ctx, other), path, scope, decode)
}

func isUnauthorized(err error) bool { return credential.StatusOf(err) == http.StatusUnauthorized }

// getAs is get with the access token of ctx.
func (c *Client) getAs(
	ctx context.Context, path, scope string, decode func(body io.Reader) error,
) (http.Header, error) {
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
