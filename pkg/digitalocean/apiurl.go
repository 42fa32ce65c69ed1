package digitalocean

import (
	"cmp"
	"fmt"
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
		APIURL:    TrimAPIURL(apiURL),
		ClusterID: string(id),
		Expiry:    expiry.Truncate(time.Second),
		Auth:      "access-token",
		Identity:  credential.Identity(accessToken),
	}
}

// TrimAPIURL returns an address of the API in the form in which it is used; "" is DefaultAPIURL.
func TrimAPIURL(address string) string {
	return strings.TrimRight(cmp.Or(address, DefaultAPIURL), "/")
}
