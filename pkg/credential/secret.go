package credential

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
)

const redacted = "[redacted]"

// Secret is a string that doesn't print: String, every verb of fmt, JSON, YAML and slog show
// "[redacted]" in its place. Reveal is the one way to the text, so that a search for it finds
// every place where a secret leaves the program.
//
// The zero value is the empty secret. Secrets are compared with Equal. The text isn't wiped from
// memory.
type Secret struct {
	// A function, because what prints by reflection (fmt with a value in somebody's unexported field,
	// go-cmp, spew) doesn't call our methods and follows strings and pointers, but not this.
	reveal func() string
}

// NewSecret returns the secret that holds text.
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

// IsZero tells whether the secret is empty.
func (s Secret) IsZero() bool { return s.reveal == nil }

// Equal tells whether both hold the same text, in a time that depends on its length alone.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// String returns "[redacted]", or nothing when the secret is empty.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return redacted
}

// Format implements fmt.Formatter: whatever the verb, it writes what String returns.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText implements encoding.TextMarshaler, which encoding/json, YAML libraries and log/slog
// honour: it returns what String returns.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// CheckBearer reports a secret that can't be sent as a bearer token: it must be one or more visible ASCII
// characters. A line break or a space would end the header that carries it (RFC 6750, section 2.1, is narrower
// still). The error doesn't show the secret.
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
