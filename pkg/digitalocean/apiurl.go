package digitalocean

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// CheckAPIURL reports an address that the access token must not be sent to: anything but https,
// and http on the loopback interface. The error's class is Usage or Unsafe.
func CheckAPIURL(address string) error {
	u, err := parseAPIURL(address)
	if err != nil {
		return &credential.Error{Class: credential.Usage, Err: &AddressError{err}}
	}
	if credential.IsPrivate(u) {
		return nil
	}
	return &credential.Error{
		Class: credential.Unsafe,
		Err:   &AddressError{fmt.Errorf("refusing to send the access token to %s: it is not https", credential.ShowURL(address))},
	}
}

// AddressError says what is wrong with an address of the API.
type AddressError struct{ error }

// Unwrap returns the cause.
func (e *AddressError) Unwrap() error { return e.error }

// IsLoopback tells whether an address of the API is on this machine.
func IsLoopback(address string) bool {
	u, err := parseAPIURL(address)
	return err == nil && credential.IsLoopback(u.Hostname())
}

// parseAPIURL parses an address that every client reads alike, as a cluster's server has to be one too.
func parseAPIURL(address string) (*url.URL, error) {
	u, err := credential.ParseServer(address)
	if err != nil || !strings.Contains(address, "://") || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("the API address %s is not of the form https://host", credential.ShowURL(address))
	}
	return u, nil
}

// CacheKey returns the key under which is cached what an access token gets for a cluster, the same for everybody
// who shares a cache. The expiry counts in whole seconds, as it is asked for.
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
	if port := u.Port(); port != "" && port != map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		return u.Scheme + "://" + net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return u.Scheme + "://" + host
}
