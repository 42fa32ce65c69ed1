package credential

import (
	"fmt"
	"net"
	"net/url"
	"strings"
)

// CheckServer reports a server that isn't the one that the credential is for. A kubeconfig may come
// from anywhere; it must not be able to carry a credential to a server of its own.
//
// Servers are the same when scheme, host and port are: the case of letters, the default port, and a
// path don't matter. As in a kubeconfig, https is meant where no scheme is given. The error is of
// class Unsafe, and names both.
func (c Credential) CheckServer(asked string) error {
	own, err := origin(c.Server)
	if err == nil {
		var theirs string
		if theirs, err = origin(asked); err == nil && theirs == own {
			return nil
		}
	}
	return &Error{
		Class: Unsafe,
		Err:   fmt.Errorf("refusing to give the credential to server %q: the cluster's is %q", asked, c.Server),
		Hint:  "fix the cluster's server in the kubeconfig; if it is a tunnel of yours, add --skip-server-check to the user's args there",
	}
}

// ParseServer parses a server's address as a kubeconfig has it: https is meant where no scheme is given.
func ParseServer(server string) (*url.URL, error) {
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	return url.Parse(server)
}

// origin returns scheme, host and port of a server in one form.
func origin(server string) (string, error) {
	u, err := ParseServer(server)
	if err != nil {
		return "", err
	}
	host, port := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), u.Port()
	if host == "" {
		return "", fmt.Errorf("%q has no host", server)
	}
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(host, port), nil
}
