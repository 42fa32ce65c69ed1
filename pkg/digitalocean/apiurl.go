package digitalocean

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// CheckAPIURL returns an error unless the access token may be sent to address: it must be https,
// or http on a loopback address. The error has class Usage or Unsafe.
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
		Err: &AddressError{
			fmt.Errorf("refusing to send the access token to %s: it is not https", credential.ShowURL(address)),
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
	return err == nil && credential.IsLoopback(u.Hostname())
}

// parseAPIURL parses an address that all clients interpret alike, as credential.ParseServer does.
func parseAPIURL(address string) (*url.URL, error) {
	u, err := credential.ParseServer(address)
	if err != nil || !strings.Contains(address, "://") || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("the API address %s is not of the form https://host", credential.ShowURL(address))
	}
	return u, nil
}

// CacheKey returns the key under which a cluster's credential is cached for an access token. All programs that
// share a cache must use it. The expiry is truncated to whole seconds, as in the request.
func CacheKey(apiURL string, id ClusterID, expiry time.Duration, accessToken credential.Secret) credential.Key {
	return credential.Key{
		APIURL:    TrimAPIURL(apiURL),
		ClusterID: string(id),
		Expiry:    expiry.Truncate(time.Second),
		Auth:      "access-token",
		Identity:  credential.Identity(accessToken),
	}
}

// TrimAPIURL returns an API address without trailing slashes, or DefaultAPIURL for "".
func TrimAPIURL(address string) string {
	return strings.TrimRight(cmp.Or(address, DefaultAPIURL), "/")
}
