// Package digitalocean asks the DigitalOcean API for Kubernetes clusters and their credentials, and
// finds the access token to ask with.
//
// The API is described at https://docs.digitalocean.com/reference/api/; it is spoken by
// github.com/digitalocean/godo, over a transport of this package's own. That transport retries what
// may pass, within the caller's deadline; follows no redirect; honours the proxy variables
// HTTPS_PROXY and NO_PROXY; reads a bounded part of an answer; and sends the access token over
// https, or to a loopback address, and nowhere else.
//
// Failures are *[credential.Error] with their class.
package digitalocean

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/digitalocean/godo"

	"github.com/doks-auth/doks-auth/pkg/credential"
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
}

// Options are a Client's settings. AccessToken must be given; the zero values of the others do.
type Options struct {
	AccessToken AccessToken
	APIURL      string            // "": DefaultAPIURL
	UserAgent   string            // put before godo's
	Transport   http.RoundTripper // carries each attempt; nil: one like http.DefaultTransport
	Now         func() time.Time  // nil: time.Now
	Log         *slog.Logger      // nil: silent
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
	var own *http.Transport
	if o.Transport == nil {
		own = newTransport()
		o.Transport = own
	}
	api, err := godo.New(newHTTPClient(o), godo.SetBaseURL(o.APIURL), godo.SetUserAgent(o.UserAgent))
	if err != nil {
		return nil, err
	}
	return &Client{api: api, apiURL: o.APIURL, accessToken: o.AccessToken, now: o.Now, transport: own}, nil
}

// CloseIdleConnections closes the connections that are kept for a next call, a minute at most, with
// their goroutines. It leaves those of Options.Transport alone.
func (c *Client) CloseIdleConnections() {
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
}

// Credential fetches a credential for the cluster. Each call mints a new token in the user's
// account (https://docs.digitalocean.com/reference/api/reference/kubernetes/#kubernetes_get_credentials),
// which lives for the given time, in whole seconds; 0 is the API's default, seven days. It has no
// effect on client certificates.
//
// The credential was checked: it is not expired, and a certificate is its key's. Where the local
// clock is behind the API's by a minute or more, the expiry is brought forward by as much, so that the
// credential isn't used beyond its end.
func (c *Client) Credential(ctx context.Context, id ClusterID, expiry time.Duration) (credential.Credential, error) {
	request := &godo.KubernetesClusterCredentialsGetRequest{}
	if expiry > 0 {
		request.ExpirySeconds = godo.PtrTo(int(expiry / time.Second))
	}
	fetchedAt := c.now()
	answer, response, err := c.api.Kubernetes.GetCredentials(ctx, string(id), request)
	if err != nil {
		return credential.Credential{}, c.failure(ctx, err, c.now().Sub(fetchedAt), scopeCredentials)
	}
	got := credential.Credential{
		Server:               answer.Server,
		CertificateAuthority: answer.CertificateAuthorityData,
		Token:                credential.NewSecret(answer.Token),
		ClientCertificate:    answer.ClientCertificateData,
		ClientKey:            credential.NewSecret(string(answer.ClientKeyData)),
		FetchedAt:            fetchedAt,
		ExpiresAt:            expiresAt(answer),
	}
	skew := clockSkew(response.Header, c.now())
	// A second more, by which the Date header may be behind the API's clock.
	if local := got.ExpiresAt.Add(skew - time.Second).Truncate(time.Second); skew < 0 && local.After(c.now()) {
		got.ExpiresAt = local
	}
	if err := got.Check(c.now()); err != nil {
		return credential.Credential{}, c.unusable(err, skew)
	}
	if _, err := url.Parse(got.Server); err != nil || got.Server == "" {
		return credential.Credential{}, c.unusable(errors.New("it names no server"), 0)
	}
	return got, nil
}

// expiresAt returns the end of what the API gave. A certificate ends at its NotAfter at the latest;
// the API's time speaks of the token.
func expiresAt(answer *godo.KubernetesClusterCredentials) time.Time {
	if answer.Token != "" {
		return answer.ExpiresAt
	}
	block, _ := pem.Decode(answer.ClientCertificateData)
	if block == nil {
		return answer.ExpiresAt
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil || !answer.ExpiresAt.IsZero() && answer.ExpiresAt.Before(certificate.NotAfter) {
		return answer.ExpiresAt
	}
	return certificate.NotAfter
}

// clockSkew returns by how much the local clock is ahead of the API's, by the Date header
// (RFC 9110, section 6.6.1): negative when it is behind; 0 when that is unknown or below a minute,
// which the way of the answer may take.
func clockSkew(h http.Header, now time.Time) time.Duration {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	skew := now.Sub(date).Truncate(time.Second)
	if skew.Abs() < time.Minute {
		return 0
	}
	return skew
}
