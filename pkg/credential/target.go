package credential

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Target says where a client sends a credential, and whom it takes for the server there: what a
// kubeconfig's cluster entry says.
type Target struct {
	Server                string // URL
	TLSServerName         string // the name that the server proves to have; "": its host
	InsecureSkipTLSVerify bool   // it need prove nothing
	CertificateAuthority  []byte // PEM of who may vouch for it; empty: whom the system trusts
}

// IsZero reports whether a target says nothing.
func (t Target) IsZero() bool {
	return t.Server == "" && t.TLSServerName == "" && !t.InsecureSkipTLSVerify && len(t.CertificateAuthority) == 0
}

// ErrAuthority says that a target trusts a certificate authority that isn't the cluster's.
var ErrAuthority = errors.New("the certificate authority in the kubeconfig isn't the cluster's")

// CheckTarget reports a target at which somebody else than the cluster may answer: by another server
// (see [Credential.CheckServer]), a server that need not prove who it is, another name to prove, or a
// certificate authority that isn't among the credential's. Certificates are compared as such, whatever
// their order and the text around them. It is the first of these that it reports, as an error of class
// Unsafe; that of the authority is [ErrAuthority], which may mean that the credential was fetched before
// the cluster's authority changed.
//
// Not covered: a proxy on the way, which sees no more than the network does while the server has to prove
// who it is; and whom the system trusts.
func (c Credential) CheckTarget(t Target) error {
	if err := c.CheckServer(t.Server); err != nil {
		return err
	}
	own, err := ParseServer(c.Server)
	if err != nil {
		return unsafe("server", err)
	}
	switch {
	case t.InsecureSkipTLSVerify:
		return unsafe("insecure-skip-tls-verify",
			errors.New("refusing to give the credential to a server that need not prove who it is (insecure-skip-tls-verify)"))
	case t.TLSServerName != "" && !SameHost(t.TLSServerName, own.Hostname()):
		return unsafe("tls-server-name",
			fmt.Errorf("refusing to give the credential to a server that proves to be another (tls-server-name): the cluster's is %s", ShowURL(c.Server)))
	case len(t.CertificateAuthority) > 0 && !isSubset(t.CertificateAuthority, c.CertificateAuthority):
		return unsafe("certificate-authority-data", fmt.Errorf("refusing to give the credential: %w", ErrAuthority))
	}
	return nil
}

// TargetError is the cause of an Error of class Unsafe: what a target says that a credential may not go to.
type TargetError struct {
	Field string // of a kubeconfig's cluster, such as "server" or "insecure-skip-tls-verify"
	Err   error
}

// Error returns the text of the wrapped error.
func (e *TargetError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *TargetError) Unwrap() error { return e.Err }

func unsafe(field string, err error) error {
	return &Error{Class: Unsafe, Err: &TargetError{field, err}}
}

// isSubset tells whether all certificates of one PEM text are among those of another.
func isSubset(some, all []byte) bool {
	known, err := ParseCertificates(all)
	if err != nil {
		return false
	}
	asked, err := ParseCertificates(some)
	if err != nil {
		return false
	}
	for _, certificate := range asked {
		found := false
		for _, k := range known {
			found = found || certificate.Equal(k)
		}
		if !found {
			return false
		}
	}
	return true
}

// ParseCertificates returns the certificates in a PEM text, at least one. Around them it takes text, but
// nothing that another parser could take for a certificate: a block of another kind or with headers, one
// that is broken, or bytes that aren't text (DER).
func ParseCertificates(text []byte) ([]*x509.Certificate, error) {
	if !utf8.Valid(text) || bytes.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) }) {
		return nil, errors.New("it is not PEM text")
	}
	var certificates []*x509.Certificate
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			return nil, errors.New("it holds something else than certificates")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("it holds a certificate that can't be parsed")
		}
		certificates = append(certificates, certificate)
	}
	upper := bytes.ToUpper(text)
	n := bytes.Count(upper, []byte("-BEGIN")) + bytes.Count(upper, []byte(" BEGIN")) // neither occurs in base64
	if n == 0 || n != len(certificates) {
		return nil, errors.New("it holds no certificate, or a broken one")
	}
	return certificates, nil
}
