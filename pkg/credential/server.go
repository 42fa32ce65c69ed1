package credential

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// CheckServer returns an error unless asked is the server that the credential is for. A kubeconfig may come
// from anywhere; it must not be able to send a credential to another server.
//
// Servers are equal if their schemes, hosts and ports are. The case of ASCII letters, the default port and the
// path don't matter. As in a kubeconfig, the default scheme is https. An address that [ParseServer] rejects
// equals no other. The error has class Unsafe and names both servers, as far as they are safe to show.
//
// CheckServer doesn't check who answers at that server: see [Credential.CheckTarget].
func (c Credential) CheckServer(asked string) error {
	own, err := origin(c.Server)
	if err == nil {
		var theirs string
		if theirs, err = origin(asked); err == nil && theirs == own {
			return nil
		}
	}
	return unsafe("server", fmt.Errorf("refusing to give the credential to server %s: the cluster's is %s",
		ShowURL(asked), ShowURL(c.Server)))
}

var errServer = errors.New("it is not a server's address, such as https://host:port")

// ParseServer parses a server's address as a kubeconfig spells it; the default scheme is https.
//
// It accepts only addresses that all clients interpret alike, made of ASCII letters, digits and the characters
// . : / _ ~ - [ ]. For any other it returns an error, which doesn't show the address. Go's ToLower maps the
// letter İ to i, but IDNA maps it to another domain; some clients decode %69 in a host; some treat \ as /; and
// the part before an @ is a secret.
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

// IsPrivate reports whether data sent to u can't be read in transit: u is https, or http on a loopback address.
func IsPrivate(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && IsLoopback(u.Hostname())
}

// IsLoopback reports whether host is a loopback address or the name localhost.
func IsLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

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

// origin returns the server's scheme, host and port in canonical form.
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
