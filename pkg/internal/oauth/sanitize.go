package oauth

import (
	"net/url"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/onecall"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

const (
	maxRawSaid = 4 << 10 // in bytes; a longer text explains nothing

	// A word that has this many bytes in a row in common with a secret shows part of it. The first seven of a token
	// of DigitalOcean's are the same in all of them.
	minShared = 12
)

// sanitize makes a server's text safe to show on one line of a terminal: it limits the length and removes control
// characters and each word that is too long for one, or shows part of a secret that was sent.
func sanitize(s string, secrets []credential.Secret) string {
	if len(s) > maxRawSaid {
		return ""
	}
	return onecall.Line(s, func(word string) bool { return len(word) > show.MaxWord || showsAny(word, secrets) })
}

// showsAny reports whether a word shows part of a secret, as it is or as a form encodes it. Case is ignored.
func showsAny(word string, secrets []credential.Secret) bool {
	word = strings.ToLower(word)
	for _, secret := range secrets {
		text := strings.ToLower(secret.Reveal())
		for part := range strings.FieldsSeq(text + " " + url.QueryEscape(text)) {
			if shows(word, strings.ToLower(part)) {
				return true
			}
		}
	}
	return false
}

// shows reports whether a word has minShared bytes in a row in common with a secret, or contains a shorter secret.
func shows(word, secret string) bool {
	n := min(len(secret), minShared)
	for i := 0; i+n <= len(secret); i++ {
		if strings.Contains(word, secret[i:i+n]) {
			return true
		}
	}
	return false
}
