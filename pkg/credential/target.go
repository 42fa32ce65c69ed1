package credential

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/internal/certs"
	"github.com/doks-auth/doks-auth/pkg/internal/serverurl"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// Target is where a client sends a credential and how it verifies the server there, as in a
// kubeconfig's cluster entry.
type Target struct {
	Server                string // URL
	TLSServerName         string // the name in the server's certificate; "": the host of Server
	InsecureSkipTLSVerify bool   // the server's certificate isn't verified
	CertificateAuthority  []byte // PEM; empty: the system's roots
}

// IsZero reports whether a target says nothing.
func (t Target) IsZero() bool {
	return t.Server == "" && t.TLSServerName == "" && !t.InsecureSkipTLSVerify && len(t.CertificateAuthority) == 0
}

// ErrAuthority says that a target trusts a certificate authority that isn't the cluster's.
var ErrAuthority = errors.New("the certificate authority in the kubeconfig isn't the cluster's")

// CheckTarget returns an error if anyone but the cluster may answer at t: if the server is another (see
// [Credential.CheckServer]), if its certificate isn't verified or is verified for another name, or if it may be
// signed by a certificate authority that isn't among the credential's. Authorities are compared as parsed
// certificates, regardless of order and surrounding text. CheckTarget returns the first problem found, as an
// error of class Unsafe. For the authority it wraps [ErrAuthority], which may also mean that the credential was
// fetched before the cluster's authority changed.
//
// Not covered: proxies, which see no more than the network does as long as the server's certificate is
// verified; and the system's roots.
func (c Credential) CheckTarget(t Target) error {
	if err := c.CheckServer(t.Server); err != nil {
		return err
	}
	own, err := serverurl.Parse(c.Server)
	if err != nil {
		return unsafe("server", err)
	}
	switch {
	case t.InsecureSkipTLSVerify:
		return unsafe("insecure-skip-tls-verify", errors.New(
			"refusing to give the credential to a server whose certificate isn't verified (insecure-skip-tls-verify)"))
	case t.TLSServerName != "" && !serverurl.SameHost(t.TLSServerName, own.Hostname()):
		return unsafe("tls-server-name", fmt.Errorf(
			"refusing to give the credential to a server with another name (tls-server-name): the cluster's is %s",
			show.URL(c.Server)))
	case len(t.CertificateAuthority) > 0 && !isSubset(t.CertificateAuthority, c.CertificateAuthority):
		return unsafe("certificate-authority-data", fmt.Errorf("refusing to give the credential: %w", ErrAuthority))
	}
	return nil
}

// TargetError is the cause of an Error of class Unsafe: the field that makes a target unsafe.
type TargetError struct {
	Field string // of a kubeconfig's cluster entry, such as "server" or "insecure-skip-tls-verify"
	Err   error
}

// Error returns the text of the wrapped error.
func (e *TargetError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *TargetError) Unwrap() error { return e.Err }

func unsafe(field string, err error) error {
	return &Error{Class: Unsafe, Err: &TargetError{field, err}}
}

// isSubset reports whether all certificates in some, as PEM, are also in all.
func isSubset(some, all []byte) bool {
	known, err := certs.Parse(all)
	if err != nil {
		return false
	}
	asked, err := certs.Parse(some)
	if err != nil {
		return false
	}
	isUnknown := func(c *x509.Certificate) bool { return !slices.ContainsFunc(known, c.Equal) }
	return !slices.ContainsFunc(asked, isUnknown)
}
