package accounts

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/keyring"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// login is the record of a sign-in of doks-auth. A cache hit reads this record only.
type login struct {
	Root    []byte            `json:"root"` // see root.go
	Kind    string            `json:"kind"`
	Storage string            `json:"storage"`
	Item    string            `json:"item,omitempty"` // in the keyring
	API     string            `json:"api"`
	User    digitalocean.User `json:"user"`
	Scope   string            `json:"scope,omitempty"` // of a session
	Since   time.Time         `json:"since"`

	// Sealed is the session, or the access token in the form of one. Its key is in the keyring, or in the state
	// directory. So the keyring holds 32 bytes, whatever the limits of the system's, and a refresh needs to write
	// this record only.
	Sealed []byte `json:"sealed"`
}

// The kinds of logins.
const (
	kindSession = "session"
	kindToken   = "token"
)

// The places where the key of a login's secrets is kept.
const (
	StorageKeyring = "keyring"
	StorageFile    = "file"
)

const (
	loginsFolder  = "logins/"
	currentRecord = "current"
)

// Login is a sign-in of doks-auth, without its secrets.
type Login struct {
	Name    string
	Storage string // StorageKeyring or StorageFile
	API     string // the API's address
	User    digitalocean.User
	Since   time.Time

	IsSession bool     // else it is an access token
	Scopes    []string // of a session
}

// Errors about logins.
var (
	ErrLoginName = errors.New("a login's name consists of letters, digits, dots, dashes and underscores")
	ErrNoLogin   = errors.New("there is no login of that name")
)

// CheckLoginName returns an error of class Usage if a login can't have that name.
func CheckLoginName(name string) error {
	if regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$`).MatchString(name) {
		return nil
	}
	return usageError(fmt.Errorf("using the name %s: %w", show.Word(name), ErrLoginName))
}

// loginRecord returns the name of a login's record. Names don't depend on case, as in some file systems.
func loginRecord(name string) string { return loginsFolder + strings.ToLower(name) }

// readLogin reads the record of a login.
func (s *Sources) readLogin(name string) (*login, error) {
	if err := CheckLoginName(name); err != nil {
		return nil, err
	}
	var l login
	err := s.state().Read(loginRecord(name), &l)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, statedir.ErrNone):
		return nil, usageError(&LoginError{Name: name, Logins: s.Logins(), Err: ErrNoLogin})
	case err != nil:
		return nil, usageError(&LoginError{Name: name, Err: err})
	case len(l.Root) == 0:
		return nil, usageError(&LoginError{Name: name, Err: errors.New("its record is incomplete")})
	}
	return &l, nil
}

// LoginError means that a login can't be used.
type LoginError struct {
	Name   string
	Logins []string // those that there are, if it doesn't exist
	Err    error
}

// Error returns a message with the name and the cause.
func (e *LoginError) Error() string { return fmt.Sprintf("using the login %q: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *LoginError) Unwrap() error { return e.Err }

// loginAccount returns the account of a login.
func (s *Sources) loginAccount(name string) (*Account, error) {
	l, err := s.readLogin(name)
	if err != nil {
		return nil, err
	}
	name = strings.ToLower(name)
	return &Account{
		Source: fmt.Sprintf("the login %q", name), Login: name, APIURL: l.API, sources: s, login: l,
	}, nil
}

// Logins returns the names of all logins, in order.
func (s Sources) Logins() []string {
	return slices.DeleteFunc(s.state().Names(loginsFolder), func(name string) bool { return CheckLoginName(name) != nil })
}

// CurrentLogin returns the name of the current login; "" if there is none.
func (s Sources) CurrentLogin() string {
	var name string
	if s.state().Read(currentRecord, &name) != nil {
		return ""
	}
	return name
}

// SwitchLogin makes a login the current one.
func (s Sources) SwitchLogin(name string) error {
	if _, err := s.readLogin(name); err != nil {
		return err
	}
	return s.state().Write(currentRecord, strings.ToLower(name))
}

// ReadLogin returns a login.
func (s Sources) ReadLogin(name string) (Login, error) {
	l, err := s.readLogin(name)
	if err != nil {
		return Login{}, err
	}
	return Login{
		Name: strings.ToLower(name), Storage: l.Storage, API: l.API, User: l.User, Since: l.Since,
		IsSession: l.Kind == kindSession, Scopes: strings.Fields(l.Scope),
	}, nil
}

// loginKey returns the key of a login's secrets.
func (s *Sources) loginKey(ctx context.Context, l *login) ([]byte, error) {
	if l.Storage != StorageKeyring {
		return s.state().Random(ctx, keyRecord)
	}
	text, err := s.keyring().Get(ctx, l.Item)
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(text.Reveal())
}

// keyRecord is the record of the key of logins that aren't in a keyring.
const keyRecord = "key"

func (s *Sources) keyring() keyring.Keyring {
	if s.Keyring == nil {
		return keyring.System{}
	}
	return s.Keyring
}
