package accounts

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/keyring"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// CheckLogin returns an error if a login of that name can't be kept there. It is for the time before somebody signs
// in.
func (s Sources) CheckLogin(ctx context.Context, name, storage string) error {
	if err := CheckLoginName(name); err != nil {
		return err
	}
	place, err := s.state().Reserve(loginRecord(name))
	if err == nil {
		place.Close()
		if storage == StorageKeyring {
			err = s.checkKeyring(ctx, name)
		}
	}
	if err != nil {
		return savingLogin(name, err)
	}
	return nil
}

// checkKeyring returns an error if the keyring can't be used: there is none, or it is locked.
func (s *Sources) checkKeyring(ctx context.Context, name string) error {
	_, err := s.keyring().Get(ctx, strings.ToLower(name))
	if errors.Is(err, keyring.ErrNotFound) { // as expected: no item has only the name
		return nil
	}
	return err
}

// savingLogin adds to an error what it kept from being done.
func savingLogin(name string, err error) error {
	err = fmt.Errorf("saving the login %q: %w", name, err)
	if errors.Is(err, statedir.ErrNone) {
		return usageError(err)
	}
	return err
}

// SaveLogin keeps a sign-in under a name, and makes it the current one. What was cached for the login that had the
// name stays in use if both are of one user in one team with the same scopes. If SaveLogin fails, nothing of the
// sign-in is kept.
func (s Sources) SaveLogin(ctx context.Context, name string, in SignedIn, storage string) error {
	if err := CheckLoginName(name); err != nil {
		return err
	}
	unlock, err := s.state().Lock(ctx, loginRecord(name))
	if err != nil {
		return savingLogin(name, err)
	}
	defer unlock()
	l := &login{
		Root: statedir.NewRandom(), Kind: kindSession, Storage: storage, API: in.API, User: in.User,
		Scope: in.session.Scope, Since: s.now().UTC().Truncate(time.Second),
	}
	if !in.IsSession() {
		l.Kind = kindToken
	}
	old, oldErr := s.readLogin(name)
	if oldErr == nil && old.sameAccount(l) {
		l.Root = old.Root
	}
	if err := s.writeLogin(ctx, name, l, in.session); err != nil {
		if l.Item != "" {
			s.keyring().Delete(ctx, l.Item) // best effort
		}
		return savingLogin(name, err)
	}
	if oldErr == nil && old.Item != "" {
		s.keyring().Delete(ctx, old.Item) // best effort
	}
	return nil
}

// writeLogin seals a session, writes the login's record, and makes it the current one.
func (s *Sources) writeLogin(ctx context.Context, name string, l *login, session session) error {
	key, err := s.newLoginKey(ctx, name, l)
	if err != nil {
		return err
	}
	if l.Sealed, err = statedir.Seal(key, loginRecord(name), session.encode()); err != nil {
		return err
	}
	if err := s.state().Write(loginRecord(name), l); err != nil {
		return err
	}
	if err := s.state().Write(currentRecord, strings.ToLower(name)); err != nil {
		s.state().Remove(loginRecord(name))
		return err
	}
	return nil
}

// sameAccount reports whether two logins are certainly of one user in one team with the same scopes.
func (l *login) sameAccount(other *login) bool {
	return l.API == other.API && l.User.UUID != "" && l.User.UUID == other.User.UUID && l.User.TeamUUID != "" &&
		l.User.TeamUUID == other.User.TeamUUID && l.Kind == kindSession && other.Kind == kindSession &&
		slices.Equal(scopesOf(l.Scope), scopesOf(other.Scope))
}

// newLoginKey makes the key of a login's secrets.
func (s *Sources) newLoginKey(ctx context.Context, name string, l *login) ([]byte, error) {
	if l.Storage != StorageKeyring {
		return s.state().Random(ctx, keyRecord)
	}
	key := statedir.NewRandom()
	l.Item = strings.ToLower(name) + " " + rand.Text() // a keyring may serve several state directories
	return key, s.keyring().Set(ctx, l.Item, credential.NewSecret(hex.EncodeToString(key)))
}
