package digitalocean

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/serverurl"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// CheckAPIURL returns an error unless the access token may be sent to address: it must be https,
// or http on a loopback address. The error has class Usage or Unsafe.
func CheckAPIURL(address string) error {
	u, err := parseAPIURL(address)
	if err != nil {
		return &credential.Error{Class: credential.Usage, Err: &AddressError{err}}
	}
	if serverurl.IsPrivate(u) {
		return nil
	}
	return &credential.Error{
		Class: credential.Unsafe,
		Err: &AddressError{
			fmt.Errorf("refusing to send the access token to %s: it is not https", show.URL(address)),
		},
	}
}

// AddressError means that the API's address can't be used.
type AddressError struct{ error }

// Unwrap returns the cause.
func (e *AddressError) Unwrap() error { return e.error }

// IsLoopback reports whether an API address is on this machine's loopback interface.
func IsLoopback(address string) bool {
	u, err := parseAPIURL(address)
	return err == nil && serverurl.IsLoopback(u.Hostname())
}

// parseAPIURL parses an address that all clients interpret alike, as serverurl.Parse does.
func parseAPIURL(address string) (*url.URL, error) {
	u, err := serverurl.Parse(address)
	if err != nil || !strings.Contains(address, "://") || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("the API address %s is not of the form https://host", show.URL(address))
	}
	return u, nil
}

// CacheKey returns the key under which a cluster's credential is cached for an access token. All programs that
// share a cache must use it. The expiry is truncated to whole seconds, as in the request.
func CacheKey(apiURL string, id ClusterID, expiry time.Duration, accessToken credential.Secret) credential.Key {
	return credential.Key{
		APIURL:    NormalAPIURL(apiURL),
		ClusterID: string(id),
		Expiry:    expiry.Truncate(time.Second),
		Auth:      "access-token",
		Identity:  credential.Identity(accessToken),
	}
}

// NormalAPIURL returns an address of the API in the one form in which it is used: scheme, host in lower case, and
// port unless it is the scheme's. "" is DefaultAPIURL. What CheckAPIURL refuses is returned as it is.
func NormalAPIURL(address string) string {
	address = cmp.Or(address, DefaultAPIURL)
	u, err := parseAPIURL(address)
	if err != nil {
		return address
	}
	host := strings.TrimSuffix(u.Hostname(), ".")
	if ip := net.ParseIP(host); ip != nil {
		host = ip.String()
	}
	if port := u.Port(); port != "" && port != serverurl.DefaultPort(u.Scheme) {
		return u.Scheme + "://" + net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return u.Scheme + "://" + host
}
