package credential

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// CheckServer reports a server that isn't the one that the credential is for. A kubeconfig may come
// from anywhere; it must not be able to carry a credential to a server of its own.
//
// Servers are the same when scheme, host and port are: the case of ASCII letters, the default port, and a
// path don't matter. As in a kubeconfig, https is meant where no scheme is given. An address that
// [ParseServer] refuses is nobody's. The error is of class Unsafe, and names both servers as far as they
// can be shown.
//
// It tells nothing of who answers at that server: see [Credential.CheckTarget].
func (c Credential) CheckServer(asked string) error {
	own, err := origin(c.Server)
	if err == nil {
		var theirs string
		if theirs, err = origin(asked); err == nil && theirs == own {
			return nil
		}
	}
	return unsafe("server", fmt.Errorf("refusing to give the credential to server %s: the cluster's is %s", ShowURL(asked), ShowURL(c.Server)))
}

var errServer = errors.New("it is not a server's address, such as https://host:port")

// ParseServer parses a server's address as a kubeconfig has it: https is meant where no scheme is given.
//
// It takes only addresses that every client reads alike: of ASCII letters, digits and the characters
// . : / _ ~ - [ ] alone. Others are an error that doesn't show the address: Go's ToLower makes an i of
// the letter İ and IDNA another domain, some clients decode %69 in a host and some take \ for /, and what
// stands before an @ is a secret.
func ParseServer(server string) (*url.URL, error) {
	if strings.ContainsFunc(server, isOdd) {
		return nil, errServer
	}
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Hostname() == "" {
		return nil, errServer
	}
	u.Host = lower(u.Host)
	return u, nil
}

// IsPrivate reports whether what is sent to an address can't be read on the way: by https, or on this machine's
// loopback interface.
func IsPrivate(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && IsLoopback(u.Hostname())
}

// IsLoopback reports whether a host is this machine, by its address or the name localhost.
func IsLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// isOdd tells whether clients may differ about what a character means in an address.
func isOdd(r rune) bool {
	return r > '~' || !isLetterOrDigit(byte(r)) && !strings.ContainsRune(".:/_~-[]", r)
}

func isLetterOrDigit(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

// lower lowers ASCII letters, and nothing else.
func lower(s string) string {
	b := []byte(s)
	for i := range b {
		if 'A' <= b[i] && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

// SameHost tells whether two host names are one: the case of ASCII letters and a dot at the end don't
// matter. A name that isn't of ASCII characters is no other's.
func SameHost(a, b string) bool {
	return a != "" && !strings.ContainsFunc(a+b, func(r rune) bool { return r > '~' || r <= ' ' }) &&
		strings.TrimSuffix(lower(a), ".") == strings.TrimSuffix(lower(b), ".")
}

// origin returns scheme, host and port of a server in one form.
func origin(server string) (string, error) {
	u, err := ParseServer(server)
	if err != nil {
		return "", err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.TrimSuffix(u.Hostname(), "."), port), nil
}
