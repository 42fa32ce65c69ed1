// Package serverurl parses and compares the addresses of servers as all clients read them.
package serverurl

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

var errServer = errors.New("it is not a server's address, such as https://host:port")

// Parse parses a server's address as a kubeconfig spells it; the default scheme is https.
//
// It accepts only addresses that all clients interpret alike, made of ASCII letters, digits and the characters
// . : / _ ~ - [ ]. For any other it returns an error, which doesn't show the address. Go's ToLower maps the
// letter İ to i, but IDNA maps it to another domain; some clients decode %69 in a host; some treat \ as /; and
// the part before an @ is a secret.
func Parse(server string) (*url.URL, error) {
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

// IsPrivate reports whether data sent to u can't be read in transit: u is https, or http on a loopback address.
func IsPrivate(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && IsLoopback(u.Hostname())
}

// IsLoopback reports whether host is a loopback address or the name localhost.
func IsLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// DefaultPort returns the port of addresses with a scheme that name none, or "" for other schemes than https
// and http.
func DefaultPort(scheme string) string {
	return map[string]string{"https": "443", "http": "80"}[scheme]
}

// isOdd reports whether clients may disagree on what r means in an address.
func isOdd(r rune) bool {
	return r > '~' || !isLetterOrDigit(byte(r)) && !strings.ContainsRune(".:/_~-[]", r)
}

func isLetterOrDigit(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

// lower maps ASCII letters, and only those, to lower case.
func lower(s string) string {
	b := []byte(s)
	for i := range b {
		if 'A' <= b[i] && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

// SameHost reports whether two host names are equal, ignoring the case of ASCII letters and a trailing dot.
// A name with other than printable ASCII characters equals no other.
func SameHost(a, b string) bool {
	return a != "" && !strings.ContainsFunc(a+b, func(r rune) bool { return r > '~' || r <= ' ' }) &&
		strings.TrimSuffix(lower(a), ".") == strings.TrimSuffix(lower(b), ".")
}
