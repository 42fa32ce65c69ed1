// Package credential is the domain of doks-auth: credentials for Kubernetes clusters, where they come
// from, and how they are cached until they must be renewed.
//
// It rests on three ideas. A [Provider] returns a [Credential]; the DigitalOcean API is one. A [Store]
// keeps credentials by [Key]; a directory is one, [Memory] another. [Cached] is a Provider built
// from a Provider and a Store: it looks in the Store first and calls the Provider only when it must, once for
// all processes that share the Store.
//
// The package depends only on the standard library.
package credential

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Credential is what a client needs to talk to one cluster: a bearer token, or a client
// certificate with its key. If both are set, clients use the token.
type Credential struct {
	Server               string // the API server's URL
	CertificateAuthority []byte // PEM; issuer of the API server's certificate
	Token                Secret
	ClientCertificate    []byte // PEM
	ClientKey            Secret // PEM

	// FetchedAt is when the provider was called, and ExpiresAt is when the cluster stops accepting
	// the credential, or zero if that is unknown. Both are by the local clock.
	FetchedAt, ExpiresAt time.Time
}

// A Provider provides credentials for one cluster.
type Provider interface {
	// Credential returns a credential that is valid at that moment. Each call may mint a new one.
	// Errors are *[Error] where their class is known.
	Credential(ctx context.Context) (Credential, error)
}

// A Replacer is a Provider that may return the same credential several times. [Cached.Renew] calls Replace if there is
// one.
type Replacer interface {
	Provider

	// Replace returns a credential other than old, which was refused or is due for renewal.
	Replace(ctx context.Context, old Credential) (Credential, error)
}

// ProviderFunc adapts a function to a Provider.
type ProviderFunc func(ctx context.Context) (Credential, error)

// Credential calls f.
func (f ProviderFunc) Credential(ctx context.Context) (Credential, error) { return f(ctx) }

// maxLeeway is the longest time before its expiry at which a credential is renewed.
const maxLeeway = 5 * time.Minute

// end returns ExpiresAt, clamped to times that RFC 3339 can express in UTC.
func (c Credential) end() time.Time {
	first, last := time.Unix(0, 0).UTC(), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	switch {
	case c.ExpiresAt.IsZero():
		return time.Time{}
	case c.ExpiresAt.Before(first): // as expired as any other
		return first
	case c.ExpiresAt.After(last):
		return last
	}
	return c.ExpiresAt
}

// RenewAt returns when the credential should be renewed: a fifth of its lifetime before its expiry,
// but at most five minutes, rounded down to a whole second, the precision of an ExecCredential. It
// returns the zero time if the expiry is unknown, and never a time after the year 9999.
func (c Credential) RenewAt() time.Time {
	end := c.end()
	if end.IsZero() {
		return end
	}
	leeway := min(max(end.Sub(c.FetchedAt)/5, 0), maxLeeway)
	return end.Add(-leeway).Truncate(time.Second)
}

// Fresh reports whether the credential is valid and not yet due for renewal. A credential with an unknown
// expiry is never fresh.
func (c Credential) Fresh(now time.Time) bool {
	return c.Valid(now) && now.Before(c.RenewAt())
}

// Valid reports whether the credential has not expired. A credential with an unknown expiry is
// not considered valid. Neither is one that was fetched more than five minutes after now: one of the two
// clock readings must be wrong, so the expiry may be wrong too.
func (c Credential) Valid(now time.Time) bool {
	return now.Before(c.end()) && c.FetchedAt.Before(now.Add(maxLeeway))
}

// UseUntil returns how long a client should use the credential before asking again: until RenewAt while it is
// fresh, then for a minute at a time, but never past its expiry. For a valid credential it is never
// in the past. It returns the zero time if the expiry is unknown.
func (c Credential) UseUntil(now time.Time) time.Time {
	if c.ExpiresAt.IsZero() || c.Fresh(now) {
		return c.RenewAt()
	}
	soon := now.Add(time.Minute).Truncate(time.Second)
	if end := c.end(); end.Before(soon) {
		return end
	}
	return soon
}

// same reports whether both hold the same token and certificate.
func (c Credential) same(other Credential) bool {
	return c.Token.Equal(other.Token) && bytes.Equal(c.ClientCertificate, other.ClientCertificate)
}

// Check returns an error if the credential is unusable: it has neither a token nor a client certificate with
// its key, the token can't be sent in a header, it has no token and the certificate doesn't match the key
// or isn't UTF-8 (which JSON would alter), or it has expired.
func (c Credential) Check(now time.Time) error {
	switch {
	case !c.Token.IsZero():
		if err := CheckBearer(c.Token); err != nil {
			return err
		}
	case len(c.ClientCertificate) == 0 && c.ClientKey.IsZero():
		return errors.New("it holds neither a token nor a client certificate")
	default:
		isText := utf8.Valid(c.ClientCertificate) && utf8.ValidString(c.ClientKey.Reveal())
		if _, err := tls.X509KeyPair(c.ClientCertificate, []byte(c.ClientKey.Reveal())); err != nil || !isText {
			// The cause is left out: it may quote what couldn't be parsed.
			return errors.New("its client certificate and key are not a matching pair of PEM blocks")
		}
	}
	if !c.ExpiresAt.IsZero() && !now.Before(c.end()) {
		return fmt.Errorf("it expired at %s", c.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return nil
}
