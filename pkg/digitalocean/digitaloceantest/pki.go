package digitaloceantest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"slices"
	"time"
)

// authority is a certificate authority with its key.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(name string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Minute),
		NotAfter:              time.Now().Add(365 * 24 * time.Hour),
		IsCA:                  true,
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{certificate, key, pemBlock("CERTIFICATE", der)}, nil
}

// issue returns a new certificate for a client or a server, and its key, as PEM.
func (a *authority) issue(
	subject pkix.Name, usage x509.ExtKeyUsage, lifetime time.Duration, hosts ...string,
) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      subject,
		NotBefore:    time.Now().Add(-time.Minute),
		NotAfter:     time.Now().Add(lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{usage},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &private.PublicKey, a.key)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pemBlock("CERTIFICATE", der), pemBlock("PRIVATE KEY", keyDER), nil
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand doesn't fail
	}
	return n
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// mismatchedPair is a Fault that answers with a client certificate and the key of another one. It is for clusters
// with Certificates.
func mismatchedPair(w http.ResponseWriter, _ *http.Request, mint func() map[string]any) {
	answer := mint()
	other, err := newAuthority("other")
	if err == nil {
		_, key, _ := other.issue(pkix.Name{CommonName: "other"}, x509.ExtKeyUsageClientAuth, time.Hour)
		answer["client_key_data"] = base64.StdEncoding.EncodeToString(key)
	}
	writeJSON(w, http.StatusOK, answer)
}

// keyFirst is a Fault that puts the client certificate after its key and another block.
func keyFirst(w http.ResponseWriter, _ *http.Request, mint func() map[string]any) {
	answer := mint()
	changeData(answer, "client_certificate_data", func(certificate []byte) []byte {
		key, _ := answer["client_key_data"].(string)
		first, _ := base64.StdEncoding.DecodeString(key)
		return slices.Concat(first, pemBlock("SOMETHING ELSE", nil), certificate)
	})
	writeJSON(w, http.StatusOK, answer)
}

// notUTF8 is a Fault that puts text in another encoding before the certificates and the key.
func notUTF8(w http.ResponseWriter, _ *http.Request, mint func() map[string]any) {
	answer := mint()
	for _, field := range []string{"certificate_authority_data", "client_certificate_data", "client_key_data"} {
		changeData(answer, field, func(text []byte) []byte { return append([]byte("Z\xfcrich\n"), text...) })
	}
	writeJSON(w, http.StatusOK, answer)
}

// changeAuthority returns a Fault that changes the certificate authority.
func changeAuthority(change func(pem []byte) []byte) Fault {
	return func(w http.ResponseWriter, _ *http.Request, mint func() map[string]any) {
		answer := mint()
		changeData(answer, "certificate_authority_data", change)
		writeJSON(w, http.StatusOK, answer)
	}
}

// changeData changes a base64 field.
func changeData(answer map[string]any, field string, change func([]byte) []byte) {
	encoded, ok := answer[field].(string)
	if !ok {
		return
	}
	text, _ := base64.StdEncoding.DecodeString(encoded) // valid: written by mint
	answer[field] = base64.StdEncoding.EncodeToString(change(text))
}
