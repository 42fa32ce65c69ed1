package credential_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// newAuthority returns the certificate of a new certificate authority, as PEM and DER.
func newAuthority(t *testing.T, name string) (text, der []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err = x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), der
}

func TestCheckTarget(t *testing.T) {
	const server = "https://id.k8s.example"
	own, _ := newAuthority(t, "cluster")
	next, _ := newAuthority(t, "cluster's next")
	foreign, foreignDER := newAuthority(t, "foreign")
	join := func(texts ...[]byte) []byte { return bytes.Join(texts, nil) }
	as := func(kind string) []byte { return bytes.ReplaceAll(foreign, []byte("CERTIFICATE"), []byte(kind)) }
	c := credential.Credential{Server: server, CertificateAuthority: join(own, next)}

	crlf := join([]byte("# cluster é\r\n"), bytes.ReplaceAll(own, []byte("\n"), []byte("\r\n")), []byte("\n\n"))
	withHeaders := bytes.Replace(foreign, []byte("-----\n"), []byte("-----\nA: b\n\n"), 1)
	withoutEnd := bytes.Replace(foreign, []byte("-----END CERTIFICATE-----"), nil, 1)
	withAnotherEnd := bytes.Replace(foreign, []byte("END CERTIFICATE"), []byte("END CERT"), 1)
	indented := bytes.Replace(foreign, []byte("-----BEGIN"), []byte(" -----BEGIN"), 1)
	trusts := func(authorities ...[]byte) credential.Target {
		return credential.Target{Server: server, CertificateAuthority: join(authorities...)}
	}
	named := func(name string) credential.Target {
		return credential.Target{Server: server, TLSServerName: name}
	}
	const authority = "the certificate authority"

	tests := map[string]struct {
		target credential.Target
		want   string // in the error; "": no error
	}{
		"the system's authorities":  {trusts(), ""},
		"its authorities":           {trusts(own, next), ""},
		"in another order":          {trusts(next, own, next), ""},
		"one of them":               {trusts(next), ""},
		"with CRLF and other text":  {trusts(crlf), ""},
		"its name":                  {named("ID.k8s.example."), ""},
		"another name":              {named("evil.example"), "tls-server-name"},
		"a name that looks like it": {named("İd.k8s.example"), "tls-server-name"},
		"a name with a port":        {named("id.k8s.example:443"), "tls-server-name"},
		"a blank name":              {named(" "), "tls-server-name"},

		"another server": {
			target: credential.Target{Server: "https://evil.example"},
			want:   `to server "https://evil.example": the cluster's is "https://id.k8s.example"`,
		},
		"no server": {credential.Target{}, "to server (not shown"},
		"not verified": {
			target: credential.Target{Server: server, InsecureSkipTLSVerify: true},
			want:   "insecure-skip-tls-verify",
		},
		"not verified, its own authority": {
			target: credential.Target{Server: server, InsecureSkipTLSVerify: true, CertificateAuthority: own},
			want:   "insecure-skip-tls-verify",
		},

		"a foreign authority":            {trusts(foreign), authority},
		"its own and a foreign one":      {trusts(own, foreign), authority},
		"no certificate":                 {trusts([]byte("text")), authority},
		"a space":                        {trusts([]byte(" ")), authority},
		"a foreign one, trusted":         {trusts(own, as("TRUSTED CERTIFICATE")), authority},
		"a foreign one, X509":            {trusts(own, as("X509 CERTIFICATE")), authority},
		"a foreign one, PKCS7":           {trusts(own, as("PKCS7")), authority},
		"a foreign one with headers":     {trusts(own, withHeaders), authority},
		"a foreign one without an end":   {trusts(own, withoutEnd), authority},
		"a foreign one with another end": {trusts(own, withAnotherEnd), authority},
		"a foreign one, indented":        {trusts(own, indented), authority},
		"a foreign one in DER, first":    {trusts(foreignDER, []byte("\n"), own), authority},
		"a foreign one in DER, last":     {trusts(own, foreignDER), authority},
		"its own, truncated":             {trusts(own[:len(own)/2]), authority},
		"a foreign one after a NUL byte": {trusts(own, []byte{0}, foreign), authority},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := c.CheckTarget(test.target)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got error %v, want %q", err, test.want)
			}
			if err == nil {
				return
			}
			if credential.ClassOf(err) != credential.Unsafe {
				t.Errorf("got class %q, want %q", credential.ClassOf(err), credential.Unsafe)
			}
			if got, want := errors.Is(err, credential.ErrAuthority), test.want == authority; got != want {
				t.Errorf("ErrAuthority: got %v, want %v", got, want)
			}
		})
	}
	c.CertificateAuthority = nil
	if err := c.CheckTarget(trusts(own)); !errors.Is(err, credential.ErrAuthority) {
		t.Errorf("for a cluster without an authority: got error %v, want %v", err, credential.ErrAuthority)
	}
}
