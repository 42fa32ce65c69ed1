package oidctest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http"
)

// signingKey is a key that signs ID tokens.
type signingKey struct {
	id      string
	private *rsa.PrivateKey
}

func newSigningKey() *signingKey {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // only an unusable source of randomness fails
	}
	return &signingKey{randomHex(), private}
}

// RotateKeys replaces the signing key at once: the provider's key set has the new one only.
func (i *Issuer) RotateKeys() {
	i.set(func() {
		i.signingKey() // the one that is rotated out
		i.keys = append(i.keys, newSigningKey())
	})
}

// signingKey returns the key that signs. It is made when it is first needed, which takes a while. i.mu must be held.
func (i *Issuer) signingKey() *signingKey {
	if len(i.keys) == 0 {
		i.keys = append(i.keys, newSigningKey())
	}
	return i.keys[len(i.keys)-1]
}

// serveKeys answers with the key set (RFC 7517).
func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	i.mu.Lock()
	set := []any{i.signingKey().public()}
	switch i.faults[keys] {
	case "empty":
		set = []any{}
	case "rotated":
		set = []any{newSigningKey().public()}
	}
	i.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"keys": set})
}

// public returns the public key as a JSON Web Key (RFC 7518, section 6.3.1).
func (k *signingKey) public() map[string]any {
	return map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": k.id,
		"n": base64.RawURLEncoding.EncodeToString(k.private.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.private.E)).Bytes()),
	}
}

func (k *signingKey) sign(text string) []byte {
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, digest[:])
	if err != nil {
		panic(err) // the key is large enough for the digest
	}
	return signature
}

func (k *signingKey) verifies(text string, signature []byte) bool {
	digest := sha256.Sum256([]byte(text))
	return rsa.VerifyPKCS1v15(&k.private.PublicKey, crypto.SHA256, digest[:], signature) == nil
}
