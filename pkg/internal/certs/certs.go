// Package certs reads certificate authorities so strictly that no client can find another certificate in them.
package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse returns the certificates in a PEM text, at least one. It accepts surrounding text, but
// nothing that another parser could take for a certificate: blocks of another type or with headers, broken
// blocks, or bytes that aren't text (DER).
func Parse(text []byte) ([]*x509.Certificate, error) {
	isBinary := func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) }
	if !utf8.Valid(text) || bytes.ContainsFunc(text, isBinary) {
		return nil, errors.New("it is not PEM text")
	}
	var certificates []*x509.Certificate
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			return nil, errors.New("it contains something other than certificates")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("it contains a certificate that can't be parsed")
		}
		certificates = append(certificates, certificate)
	}
	upper := bytes.ToUpper(text)
	n := bytes.Count(upper, []byte("-BEGIN")) + bytes.Count(upper, []byte(" BEGIN")) // neither occurs in base64
	if n == 0 || n != len(certificates) {
		return nil, errors.New("it contains no certificate or a broken one")
	}
	return certificates, nil
}
