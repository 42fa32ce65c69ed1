// Package credential is the domain of doks-auth: what a credential for a Kubernetes cluster is,
// who gives one, and how one is kept until it must be renewed.
//
// Three ideas carry it. A [Provider] gives a [Credential]; the DigitalOcean API is one. A [Store]
// keeps credentials by [Key]; a directory is one, [Memory] is another. [Cached] is a Provider made
// of a Provider and a Store: it asks the Store first, and the Provider only when it must, once for
// all processes that share the Store.
//
// The package needs the standard library only.
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
// certificate with its key. Where both are given, clients use the token.
type Credential struct {
	Server               string // the API server's URL
	CertificateAuthority []byte // PEM; of the API server's certificate
	Token                Secret
	ClientCertificate    []byte // PEM
	ClientKey            Secret // PEM

	// FetchedAt is when the provider was asked, and ExpiresAt is when the cluster stops to accept
	// the credential; zero when that is unknown. Both by the local clock.
	FetchedAt, ExpiresAt time.Time
}

// A Provider gives a credential for one cluster.
type Provider interface {
	// Credential returns a credential that is valid when it returns. It may mint a new one at each
	// call. Failures are *[Error] where their class is known.
	Credential(ctx context.Context) (Credential, error)
}

// ProviderFunc is a function that is a Provider.
type ProviderFunc func(ctx context.Context) (Credential, error)

// Credential calls f.
func (f ProviderFunc) Credential(ctx context.Context) (Credential, error) { return f(ctx) }

// maxLeeway bounds how long before its end a credential is renewed.
const maxLeeway = 5 * time.Minute

// end returns ExpiresAt; of a time that RFC 3339 can't say in UTC, the nearest that it can.
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

// RenewAt returns when the credential should be replaced: a fifth of its lifetime before its end,
// but five minutes at most, and at a whole second, because that is what ExecCredential can say. It
// is zero when the expiry is unknown, and before the year 10000.
func (c Credential) RenewAt() time.Time {
	end := c.end()
	if end.IsZero() {
		return end
	}
	leeway := min(max(end.Sub(c.FetchedAt)/5, 0), maxLeeway)
	return end.Add(-leeway).Truncate(time.Second)
}

// Fresh tells whether the credential can be used without a thought of renewing it. One without a
// known expiry never is.
func (c Credential) Fresh(now time.Time) bool {
	return c.Valid(now) && now.Before(c.RenewAt())
}

// Valid tells whether the cluster still accepts the credential, as far as its expiry is known:
// one without a known expiry is not taken to be valid. A credential that was fetched more than five
// minutes after now isn't either: one of the two clock readings was wrong, and so may be the expiry.
func (c Credential) Valid(now time.Time) bool {
	return now.Before(c.end()) && c.FetchedAt.Before(now.Add(maxLeeway))
}

// UseUntil returns until when a client should use the credential before it asks again: until
// RenewAt while it is fresh, and then for a minute at a time, but never beyond its end. It is never
// in the past of a valid credential, and zero when the expiry is unknown.
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

// same tells whether both hold the same token and certificate.
func (c Credential) same(other Credential) bool {
	return c.Token.Equal(other.Token) && bytes.Equal(c.ClientCertificate, other.ClientCertificate)
}

// Check reports what makes the credential unusable: neither a token nor a certificate with its
// key, a token that no header can carry, without a token a certificate that isn't the key's or text that
// isn't UTF-8 (which JSON would change), an expiry that passed.
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
			// The cause may quote what it could not parse; what it found missing is enough.
			return errors.New("its client certificate and key are not a matching pair of PEM blocks")
		}
	}
	if !c.ExpiresAt.IsZero() && !now.Before(c.end()) {
		return fmt.Errorf("it expired at %s", c.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return nil
}
