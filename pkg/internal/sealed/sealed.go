// Package sealed encrypts credentials for caches.
//
// A credential is sealed with AES-256-GCM under a key that is derived, with HKDF-SHA256, from a secret of the account's
// and all of a [credential.Key]. So is the name of its place in a cache. Without the secret nobody can
// find the name, open what is there, or make something that opens; whoever can write to the cache can put back
// what was there before under the same name.
package sealed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// schema is the version of the entries' format; entries with another version are misses.
const schema = 1

// nameSize is the number of bytes that form a name, in hexadecimal.
const nameSize = 16

// An entry is the header, one line of JSON, followed by the sealed contents: a nonce,
// the ciphertext of the contents' JSON, and a tag that covers the header too. In a whole, the header is sealed, too.

// Header is the part of an entry that is readable without the secret. It isn't authenticated: anyone could have written
// it.
type Header struct {
	Schema    int       `json:"schema"`
	ClusterID string    `json:"cluster_id"`
	Server    string    `json:"server"`
	FetchedAt time.Time `json:"fetched_at"`
	ExpiresAt time.Time `json:"expires_at"`

	// Expiry is the key's. With it and the secret, the name can be derived.
	Expiry time.Duration `json:"expiry,omitempty"`
}

// contents is the sealed part of an entry.
type contents struct {
	CertificateAuthority string `json:"certificate_authority,omitempty"`
	Token                string `json:"token,omitempty"`
	ClientCertificate    string `json:"client_certificate,omitempty"`
	ClientKey            string `json:"client_key,omitempty"`

	// Raw is set only if one of the strings isn't UTF-8, which JSON would alter.
	Raw *raw `json:"raw,omitempty"`
}

// raw holds a credential's strings as bytes.
type raw struct {
	Server               []byte `json:"server,omitempty"`
	CertificateAuthority []byte `json:"certificate_authority,omitempty"`
	Token                []byte `json:"token,omitempty"`
	ClientCertificate    []byte `json:"client_certificate,omitempty"`
	ClientKey            []byte `json:"client_key,omitempty"`
}

// newRaw returns c's strings, or nil if all are UTF-8.
func newRaw(c credential.Credential) *raw {
	r := raw{
		Server:               []byte(c.Server),
		CertificateAuthority: c.CertificateAuthority,
		Token:                []byte(c.Token.Reveal()),
		ClientCertificate:    c.ClientCertificate,
		ClientKey:            []byte(c.ClientKey.Reveal()),
	}
	for _, text := range [][]byte{r.Server, r.CertificateAuthority, r.Token, r.ClientCertificate, r.ClientKey} {
		if !utf8.Valid(text) {
			return &r
		}
	}
	return nil
}

// Seal seals the credentials of one key.
type Seal struct {
	name string
	aead cipher.AEAD
}

// New derives the name and the sealing key from the secret and all of key (HKDF, RFC 5869), so that both are needed to
// find a name or to open an entry.
func New(key credential.Key, secret credential.Secret) *Seal {
	hashed := sha256.Sum256([]byte(secret.Reveal())) // FIPS 140 requires a secret of this length
	root := must(hkdf.Extract(sha256.New, hashed[:], []byte("doks-auth cache")))
	// Quoted, so that different keys can't have the same info.
	info := fmt.Sprintf(" %q %q %d %q %q", key.APIURL, key.ClusterID, key.Expiry, key.Auth, key.Identity)
	if key.PassedOver {
		info += " passed over"
	}
	name := must(hkdf.Expand(sha256.New, root, "name"+info, nameSize))
	sealing := must(hkdf.Expand(sha256.New, root, "seal"+info, 32))
	return &Seal{
		name: hex.EncodeToString(name),
		aead: must(cipher.NewGCMWithRandomNonce(must(aes.NewCipher(sealing)))),
	}
}

// Name returns the name of the key's place in a cache.
func (s *Seal) Name() string { return s.name }

// IsName reports whether a text has the form of a name.
func IsName(text string) bool {
	decoded, err := hex.DecodeString(text)
	return err == nil && len(decoded) == nameSize && text == strings.ToLower(text)
}

// Entry returns the entry for c.
func (s *Seal) Entry(key credential.Key, c credential.Credential) ([]byte, error) {
	head, body, err := encode(key, c)
	if err != nil {
		return nil, err
	}
	return append(append(head, '\n'), s.aead.Seal(nil, nil, body, head)...), nil
}

// Open returns the credential in an entry, or a *[credential.MissError].
func (s *Seal) Open(entry []byte) (credential.Credential, error) {
	head, raw, err := split(entry)
	if err != nil {
		return credential.Credential{}, err
	}
	body, err := s.aead.Open(nil, nil, entry[len(raw)+1:], raw)
	if err != nil {
		return credential.Credential{}, miss("corrupt entry", err)
	}
	return decode(head, body)
}

// wholeLabel is the additional data of wholes, so that an entry can't be taken for one.
var wholeLabel = []byte("doks-auth whole")

// Whole returns c with nothing in clear.
func (s *Seal) Whole(key credential.Key, c credential.Credential) ([]byte, error) {
	head, body, err := encode(key, c)
	if err != nil {
		return nil, err
	}
	return s.aead.Seal(nil, nil, append(append(head, '\n'), body...), wholeLabel), nil
}

// OpenWhole returns the credential in what Whole returned, or a *[credential.MissError].
func (s *Seal) OpenWhole(data []byte) (credential.Credential, error) {
	opened, err := s.aead.Open(nil, nil, data, wholeLabel)
	if err != nil {
		return credential.Credential{}, miss("corrupt entry", err)
	}
	head, raw, err := split(opened)
	if err != nil {
		return credential.Credential{}, err
	}
	return decode(head, opened[len(raw)+1:])
}

// encode returns the two parts of an entry as JSON.
func encode(key credential.Key, c credential.Credential) (head, body []byte, err error) {
	// To the second, as in an ExecCredential, so that a valid credential's expiry is never in the past there.
	expiresAt := c.ExpiresAt.UTC().Truncate(time.Second)
	head, err = json.Marshal(Header{schema, key.ClusterID, c.Server, c.FetchedAt.UTC(), expiresAt, key.Expiry})
	if err != nil {
		return nil, nil, fmt.Errorf("encoding the entry's header: %w", err)
	}
	body, err = json.Marshal(contents{
		CertificateAuthority: string(c.CertificateAuthority),
		Token:                c.Token.Reveal(),
		ClientCertificate:    string(c.ClientCertificate),
		ClientKey:            c.ClientKey.Reveal(),
		Raw:                  newRaw(c),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("encoding the entry: %w", err)
	}
	return head, body, nil
}

// decode returns the credential in an entry's header and contents.
func decode(head Header, body []byte) (credential.Credential, error) {
	var in contents
	if err := json.Unmarshal(body, &in); err != nil {
		return credential.Credential{}, miss("corrupt entry", err)
	}
	out := credential.Credential{
		Server:               head.Server,
		CertificateAuthority: []byte(in.CertificateAuthority),
		Token:                credential.NewSecret(in.Token),
		ClientCertificate:    []byte(in.ClientCertificate),
		ClientKey:            credential.NewSecret(in.ClientKey),
		FetchedAt:            head.FetchedAt,
		ExpiresAt:            head.ExpiresAt,
	}
	if r := in.Raw; r != nil {
		out.Server, out.CertificateAuthority = string(r.Server), r.CertificateAuthority
		out.Token = credential.NewSecret(string(r.Token))
		out.ClientCertificate, out.ClientKey = r.ClientCertificate, credential.NewSecret(string(r.ClientKey))
	}
	return out, nil
}

// HeaderOf returns the header of an entry, or a *[credential.MissError].
func HeaderOf(entry []byte) (Header, error) {
	head, _, err := split(entry)
	return head, err
}

// split returns an entry's header, decoded and raw, or a miss.
func split(entry []byte) (head Header, raw []byte, err error) {
	raw, _, found := bytes.Cut(entry, []byte("\n"))
	if !found {
		return Header{}, nil, miss("corrupt entry", nil)
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return Header{}, nil, miss("corrupt entry", err)
	}
	if head.Schema != schema {
		return Header{}, nil, miss(fmt.Sprintf("entry of schema %d", head.Schema), nil)
	}
	return head, raw, nil
}

func miss(reason string, err error) error { return &credential.MissError{Reason: reason, Err: err} }

// must returns v. The crypto packages fail only for bad lengths, which are constant here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
