package cmd

import (
	"errors"
	"regexp"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
)

// scopeList is a flag's list of scopes.
type scopeList struct{ scopes *[]string }

// String, Set and Type implement pflag.Value.
func (s scopeList) String() string {
	if s.scopes == nil {
		return ""
	}
	return strings.Join(*s.scopes, ",")
}

func (s scopeList) Type() string { return "scopes" }

func (s scopeList) Set(text string) error {
	scopes := strings.Split(text, ",")
	for i, scope := range scopes {
		scopes[i] = strings.TrimSpace(scope)
		if !regexp.MustCompile(`^[a-z0-9_.:*-]{1,63}$`).MatchString(scopes[i]) {
			return errors.New("it is not a list of scopes such as kubernetes:read,account:read")
		}
	}
	*s.scopes = scopes
	return nil
}

// storage is a flag's place for a login.
type storage struct{ given }

// Set implements pflag.Value.
func (s storage) Set(text string) error {
	if text != accounts.StorageKeyring && text != accounts.StorageFile {
		return errors.New("it is neither keyring nor file")
	}
	return s.given.Set(text)
}
