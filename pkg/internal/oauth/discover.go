package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/serverurl"
)

// Metadata is dispensable, so waiting for it mustn't use up the time for what follows.
const metadataTimeout = 5 * time.Second

// Discover returns the server with an issuer. Its endpoints come from its metadata (RFC 8414). For an endpoint that
// the metadata doesn't name, or that isn't safe, and for all of them if the metadata can't be used, it returns
// DigitalOcean's: <issuer>/v1/oauth/{authorize,token,register,revoke}. That the server doesn't answer is left for
// the next call to report.
//
// The error has class Usage or Unsafe if the issuer can't be used. Any other means that ctx has ended.
func (c *Client) Discover(ctx context.Context, issuer string) (Server, error) {
	r := request{
		doing:    "discovering the authorization server",
		method:   http.MethodGet,
		endpoint: issuer,
		timeout:  metadataTimeout,
	}
	base, unfit := parseAddress(issuer)
	if unfit != nil {
		return Server{}, r.unsent(unfit.Class, unfit.Err)
	}
	server := defaultServer(strings.TrimRight(base.String(), "/"))
	r.endpoint = metadataURL(base)
	answer, err := c.send(ctx, r)
	switch {
	case err != nil && ctx.Err() != nil:
		return Server{}, err
	case err != nil || answer.status != http.StatusOK:
		return server, nil
	}
	metadata, err := decode(answer.body)
	// Metadata of another issuer mustn't be used: RFC 8414, section 3.3.
	if err != nil || strings.TrimRight(metadata.text("issuer"), "/") != server.Issuer {
		return server, nil
	}
	for name, endpoint := range map[string]*string{
		"authorization_endpoint": &server.Authorization,
		"token_endpoint":         &server.Token,
		"registration_endpoint":  &server.Registration,
		"revocation_endpoint":    &server.Revocation,
	} {
		if named := metadata.text(name); isEndpointOf(base, named) {
			*endpoint = named
		}
	}
	return server, nil
}

// defaultServer returns the server with an issuer as DigitalOcean documents its own.
func defaultServer(issuer string) Server {
	return Server{
		Issuer:        issuer,
		Authorization: issuer + "/v1/oauth/authorize",
		Token:         issuer + "/v1/oauth/token",
		Registration:  issuer + "/v1/oauth/register",
		Revocation:    issuer + "/v1/oauth/revoke",
	}
}

// metadataURL returns the address of an issuer's metadata: an issuer's own path comes last (RFC 8414, section 3.1).
func metadataURL(issuer *url.URL) string {
	return issuer.Scheme + "://" + issuer.Host + "/.well-known/oauth-authorization-server" +
		strings.TrimRight(issuer.Path, "/")
}

// isEndpointOf reports whether an endpoint in an issuer's metadata may be used. Only an issuer on this machine can
// have one in clear text.
func isEndpointOf(issuer *url.URL, endpoint string) bool {
	u, err := parseAddress(endpoint)
	return err == nil && len(endpoint) <= maxText &&
		(u.Scheme == "https" || serverurl.IsLoopback(issuer.Hostname()))
}

// parseAddress parses the address of an issuer or an endpoint. It must be https, or http on a loopback address.
func parseAddress(address string) (*url.URL, *credential.Error) {
	u, err := serverurl.Parse(address)
	switch {
	case err != nil || !strings.Contains(address, "://"):
		return nil, &credential.Error{
			Class: credential.Usage,
			Err:   errors.New("the address is not of the form https://host/path"),
		}
	case !serverurl.IsPrivate(u):
		return nil, &credential.Error{
			Class: credential.Unsafe,
			Err:   errors.New("refusing to use an address that is not https"),
		}
	}
	return u, nil
}
