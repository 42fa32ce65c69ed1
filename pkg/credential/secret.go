package credential

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
)

const redacted = "[redacted]"

// Secret is a string that doesn't print: String, every fmt verb, JSON, YAML and slog show
// "[redacted]" instead. Only Reveal returns the text, so searching for it finds every place where
// a secret leaves the program.
//
// The zero value is the empty secret. Use Equal to compare secrets. The text isn't wiped from
// memory.
type Secret struct {
	// A function, because reflection-based printers (fmt for unexported fields, go-cmp, spew) don't call
	// our methods and follow strings and pointers, but not functions.
	reveal func() string
}

// NewSecret returns a Secret that holds text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{reveal: func() string { return text }}
}

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Equal reports whether both hold the same text. The time it takes depends only on the text's length.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns "[redacted]", or "" if the secret is empty.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// Format implements fmt.Formatter. It writes the result of String, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json, YAML libraries and log/slog
// honor. It returns the result of String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// CheckBearer returns an error unless token can be sent as a bearer token: it must be one or more visible ASCII
// characters. A space or a line break would end the header that carries it (RFC 6750, section 2.1, is even
// stricter). The error doesn't show the token.
func CheckBearer(token Secret) error {
	if token.IsZero() {
		return errors.New("the token is empty")
	}
	for _, b := range []byte(token.Reveal()) {
		if b <= ' ' || b > '~' {
			return errors.New("the token contains a space, a control character or a character outside ASCII")
		}
	}
	return nil
}
