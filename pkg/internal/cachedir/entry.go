package cachedir

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

const (
	entrySuffix    = ".entry"
	failureSuffix  = ".failure"
	judgmentSuffix = ".judgment"
	lockSuffix     = ".lock"
	asideSuffix    = ".aside" // after a random text
)

// schema is the version of the entries' format; entries with another version are misses.
const schema = 1

// nameSize is the number of bytes that form the name of a key's files, in hexadecimal.
const nameSize = 16

// An entry is the header, one line of JSON, followed by the sealed contents: a nonce,
// the ciphertext of the contents' JSON, and a tag that covers the header too.

// header is the part of an entry that is readable without the access token.
type header struct {
	Schema    int       `json:"schema"`
	ClusterID string    `json:"cluster_id"`
	Server    string    `json:"server"`
	FetchedAt time.Time `json:"fetched_at"`
	ExpiresAt time.Time `json:"expires_at"`

	// Expiry is the key's. With it and the access token, the entry's name can be derived.
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

// seal names the files of one key and seals its entries.
type seal struct {
	base string // the files' path without a suffix
	aead cipher.AEAD
}

// newSeal derives the files' name and the sealing key from the access token and all of key
// (HKDF, RFC 5869), so that both are needed to find a name or to open an entry.
func newSeal(dir string, key credential.Key, accessToken credential.Secret) *seal {
	secret := sha256.Sum256([]byte(accessToken.Reveal())) // FIPS 140 requires a secret of this length
	root := must(hkdf.Extract(sha256.New, secret[:], []byte("doks-auth cache")))
	// Quoted, so that different keys can't have the same info.
	info := fmt.Sprintf(" %q %q %d %q %q", key.APIURL, key.ClusterID, key.Expiry, key.Auth, key.Identity)
	if key.PassedOver {
		info += " passed over"
	}
	name := must(hkdf.Expand(sha256.New, root, "name"+info, nameSize))
	sealing := must(hkdf.Expand(sha256.New, root, "seal"+info, 32))
	return &seal{
		base: filepath.Join(dir, hex.EncodeToString(name)),
		aead: must(cipher.NewGCMWithRandomNonce(must(aes.NewCipher(sealing)))),
	}
}

// path returns the path of the key's file with the given suffix.
func (s *seal) path(suffix string) string { return s.base + suffix }

// close returns the entry for c.
func (s *seal) close(key credential.Key, c credential.Credential) ([]byte, error) {
	// To the second, as in an ExecCredential, so that a valid credential's expiry is never in the past there.
	expiresAt := c.ExpiresAt.UTC().Truncate(time.Second)
	head, err := json.Marshal(header{schema, key.ClusterID, c.Server, c.FetchedAt.UTC(), expiresAt, key.Expiry})
	if err != nil {
		return nil, fmt.Errorf("encoding the entry's header: %w", err)
	}
	body, err := json.Marshal(contents{
		CertificateAuthority: string(c.CertificateAuthority),
		Token:                c.Token.Reveal(),
		ClientCertificate:    string(c.ClientCertificate),
		ClientKey:            c.ClientKey.Reveal(),
		Raw:                  newRaw(c),
	})
	if err != nil {
		return nil, fmt.Errorf("encoding the entry: %w", err)
	}
	entry := append(append(head, '\n'), s.aead.Seal(nil, nil, body, head)...)
	if len(entry) > privatefile.MaxSize {
		return nil, fmt.Errorf("the entry is too large: %d bytes", len(entry)) // readFile would reject it
	}
	return entry, nil
}

// open returns the credential in an entry, or a miss.
func (s *seal) open(entry []byte) (credential.Credential, error) {
	head, raw, err := splitEntry(entry)
	if err != nil {
		return credential.Credential{}, err
	}
	sealed := entry[len(raw)+1:]
	body, err := s.aead.Open(nil, nil, sealed, raw)
	if err != nil {
		return credential.Credential{}, miss("corrupt entry", err)
	}
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

// splitEntry returns an entry's header, decoded and raw, or a miss. The header isn't authenticated:
// anyone could have written it.
func splitEntry(entry []byte) (head header, raw []byte, err error) {
	raw, _, found := bytes.Cut(entry, []byte("\n"))
	if !found {
		return header{}, nil, miss("corrupt entry", nil)
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return header{}, nil, miss("corrupt entry", err)
	}
	if head.Schema != schema {
		return header{}, nil, miss(fmt.Sprintf("entry of schema %d", head.Schema), nil)
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
