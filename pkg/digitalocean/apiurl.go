package digitalocean

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// CheckAPIURL reports an address that the access token must not be sent to: anything but https,
// and http on the loopback interface. The error's class is Usage or Unsafe.
func CheckAPIURL(address string) error {
	u, err := parseAPIURL(address)
	if err != nil {
		return &credential.Error{Class: credential.Usage, Err: &AddressError{err}}
	}
	if u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()) {
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
	return err == nil && isLoopback(u.Hostname())
}

// parseAPIURL parses an address that every client reads alike, as a cluster's server has to be one too.
func parseAPIURL(address string) (*url.URL, error) {
	u, err := credential.ParseServer(address)
	if err != nil || !strings.Contains(address, "://") || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("the API address %s is not of the form https://host", credential.ShowURL(address))
	}
	return u, nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
