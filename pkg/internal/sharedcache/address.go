package sharedcache

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/serverurl"
)

// Address says where a shared cache is, and who uses it.
type Address struct {
	network, host, port string // host is a path for the network "unix"
	tls                 bool
	user                string
	password            credential.Secret
	database            string         // "": the server's default
	prefix              string         // of all keys
	authorities         string         // a file with the server's certificate authorities; "": the system's
	roots               *x509.CertPool // what is in it
}

const (
	defaultPort   = "6379"
	defaultPrefix = "doks-auth:"
	maxPart       = 512 // the longest part of an address, in bytes

	maxAuthorities = 1 << 20 // the largest file with certificate authorities, in bytes
)

// ErrInsecure means that an address would send the password, and all that is asked for, over a network in clear.
var ErrInsecure = errors.New("redis:// is for loopback addresses: others can read what is sent")

// ParseAddress parses an address: rediss://[user[:password]@]host[:port][/database], redis:// in the same form for
// loopback addresses or, with insecure, any, or unix:///path of a socket. The parameters are prefix, of the keys, and
// ca, the absolute path of a file with the server's certificate authorities, which is read. Errors have class Usage or
// Unsafe. They show nothing of the text, which may be a secret, or not an address at all.
func ParseAddress(text string, insecure bool) (Address, error) {
	a, err := parse(text)
	if err == nil {
		err = a.readAuthorities()
	}
	if err != nil {
		return Address{}, &credential.Error{Class: credential.Usage, Err: err}
	}
	if !a.tls && a.network == "tcp" && !insecure && !serverurl.IsLoopback(a.host) {
		return Address{}, &credential.Error{Class: credential.Unsafe, Err: ErrInsecure}
	}
	return a, nil
}

func parse(text string) (Address, error) {
	u, err := url.Parse(strings.TrimSpace(strings.TrimPrefix(text, "\uFEFF"))) // Windows programs write a BOM
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		return Address{}, errAddress
	}
	password, _ := u.User.Password()
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Address{}, errAddress
	}
	a := Address{
		network:     "tcp",
		host:        u.Hostname(),
		port:        cmp.Or(u.Port(), defaultPort),
		tls:         u.Scheme == "rediss",
		user:        u.User.Username(),
		password:    credential.NewSecret(password),
		database:    strings.TrimPrefix(u.Path, "/"),
		prefix:      cmp.Or(query.Get("prefix"), defaultPrefix),
		authorities: query.Get("ca"),
	}
	switch u.Scheme {
	case "redis", "rediss":
	case "unix":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return Address{}, errAddress
		}
		a.network, a.host, a.port, a.database = "unix", u.Path, "", ""
	default:
		return Address{}, errAddress
	}
	return a, a.check(query)
}

var errAddress = errors.New("it isn't an address such as rediss://user:password@host:6379")

// check reports what can't be part of an address.
func (a Address) check(query url.Values) error {
	for name := range query {
		if name != "prefix" && name != "ca" {
			return errors.New("it has a parameter other than prefix and ca")
		}
	}
	// A line break would end a line of whatever else listens there.
	for _, part := range []string{a.host, a.user, a.password.Reveal(), a.prefix, a.authorities} {
		if len(part) > maxPart || strings.ContainsFunc(part, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return errors.New("a part of it is too long, or has control characters")
		}
	}
	if _, err := strconv.ParseUint(a.database, 10, 16); err != nil && a.database != "" {
		return errors.New("its database isn't a number")
	}
	switch {
	case a.host == "":
		return errAddress
	case a.user != "" && a.password.IsZero():
		return errors.New("it has a user, but no password")
	case a.authorities != "" && !filepath.IsAbs(a.authorities):
		return errors.New("its parameter ca isn't an absolute path")
	}
	return nil
}

// readAuthorities reads the file with the server's certificate authorities, if there is one.
func (a *Address) readAuthorities() error {
	if a.authorities == "" {
		return nil
	}
	pem, err := boundedfile.Read(a.authorities, maxAuthorities)
	a.roots = x509.NewCertPool()
	if err != nil || !a.roots.AppendCertsFromPEM(bytes.TrimPrefix(pem, []byte("\uFEFF"))) {
		return errors.New("the file of its parameter ca has no certificates, or can't be read")
	}
	return nil
}

// addr returns what to dial.
func (a Address) addr() string {
	if a.network == "unix" {
		return a.host
	}
	return net.JoinHostPort(a.host, a.port)
}

// String returns the server, without user, password and parameters.
func (a Address) String() string {
	scheme := "redis"
	switch {
	case a.network == "unix":
		scheme = "unix"
	case a.tls:
		scheme = "rediss"
	}
	return fmt.Sprintf("%s://%s", scheme, a.addr())
}

// IsEncrypted reports whether nobody on the way can read what is sent.
func (a Address) IsEncrypted() bool { return a.tls }
