package statedir

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// Random returns 32 random bytes: those in the record of that name or, if there are none, new ones, which it keeps
// there. All processes get the same. The record counts as written, for Prune.
func (d *Dir) Random(ctx context.Context, name string) ([]byte, error) {
	secret, err := d.readRandom(name)
	if err == nil {
		now := time.Now()
		os.Chtimes(d.file(name), now, now)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	unlock, err := d.Lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if secret, err := d.readRandom(name); !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	secret = NewRandom()
	return secret, d.Write(name, secret)
}

// readRandom returns the random bytes in a record. If there are some that can't be read, that is an error: new ones
// would make useless what depends on them.
func (d *Dir) readRandom(name string) ([]byte, error) {
	var secret []byte
	err := d.Read(name, &secret)
	if err == nil && len(secret) != randomSize {
		err = &privatefile.Error{Reason: "not a record"}
	}
	return secret, err
}

const randomSize = 32

// NewRandom returns 32 random bytes.
func NewRandom() []byte {
	secret := make([]byte, randomSize)
	rand.Read(secret) // never fails
	return secret
}

// Seal encrypts a text under a key of 32 bytes, for one purpose.
func Seal(key []byte, purpose string, text []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, text, []byte(purpose)), nil
}

// Unseal returns a text that Seal sealed.
func Unseal(key []byte, purpose string, sealed []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	text, err := aead.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return nil, fmt.Errorf("it can't be decrypted: %w", err)
	}
	return text, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
