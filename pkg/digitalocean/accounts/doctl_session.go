package accounts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/filelock"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// doctlSession is the keeper of a session that doctl signed in to. doctl takes no lock and may overwrite what we
// write, so the newest session is in our state directory, too. Two kinds of records hold that:
//
//   - refresh/<digest>: for a refresh token, the name of the session's record. It is written before the token is used.
//   - sessions/<name>: the newest session that we got, sealed
//
// If a token's record leads to a session with another refresh token, the token has been used. It doesn't matter where
// it comes from: another context, another path, an older file.
type doctlSession struct {
	*Account

	path string // of doctl's configuration, without links
}

// refreshRecord says which session a refresh token belongs to.
type refreshRecord struct {
	Session string `json:"session"`
}

// sessionRecord is a session that we got.
type sessionRecord struct {
	Sealed []byte `json:"sealed"`
}

func refreshName(token credential.Secret) string { return refreshFolder + credential.Identity(token) }

// maxChain bounds how often a session is looked for in another record: each is there because a process was killed in
// the middle of a refresh.
const maxChain = 100

// newest returns the newest session that is known to descend from s, and the name of its record; s itself and "" if
// none is. An error means that there is one that can't be read, so that s is spent.
func (k *doctlSession) newest(ctx context.Context, s session) (session, string, error) {
	name := ""
	for range maxChain {
		var record refreshRecord
		err := k.sources.state().Read(refreshName(s.Refresh), &record)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, statedir.ErrNone) {
			return s, name, nil
		}
		if err != nil {
			return session{}, "", fmt.Errorf("reading what is known about the session: %w", err)
		}
		next, err := k.copied(ctx, record.Session)
		switch {
		case errors.Is(err, fs.ErrNotExist): // a process was killed before it used the token
			return s, record.Session, nil
		case err != nil:
			return session{}, "", fmt.Errorf("reading the newest session: %w", err)
		}
		name = record.Session
		if next.Refresh.Equal(s.Refresh) {
			if next.ExpiresAt.After(s.ExpiresAt) && !s.ExpiresAt.IsZero() {
				return next, name, nil
			}
			return s, name, nil
		}
		s = next
	}
	return s, name, nil
}

// copied returns our copy of a session.
func (k *doctlSession) copied(ctx context.Context, name string) (session, error) {
	var record sessionRecord
	if err := k.sources.state().Read(name, &record); err != nil {
		return session{}, err
	}
	key, err := k.sources.stateKey(ctx)
	if err != nil {
		return session{}, err
	}
	text, err := statedir.Unseal(key, name, record.Sealed)
	if err != nil {
		return session{}, err
	}
	return decodeSession(text)
}

// load implements keeper.
func (k *doctlSession) load(ctx context.Context) (session, error) {
	s, _, err := k.find(ctx)
	return s, err
}

// find returns the newest session, and the name of its record, if it has one.
func (k *doctlSession) find(ctx context.Context) (session, string, error) {
	file, err := openDoctl(k.path)
	if err != nil {
		return session{}, "", err
	}
	s := file.session(k.Context)
	if s.Refresh.IsZero() { // signed out, or it has a token for good by now
		s = session{Access: credential.NewSecret(file.accessToken(k.Context))}
		if !s.Access.Equal(k.token) {
			return session{}, "", ErrChanged
		}
		return s, "", nil
	}
	newest, name, err := k.newest(ctx, s)
	if err == nil && !k.isOurs(ctx, s, newest) {
		err = ErrChanged
	}
	return newest, name, err
}

// isOurs reports whether the session in doctl's configuration is still the account's, or is known to be of the same
// account. shown is what the file shows, and newest what it leads to.
func (k *doctlSession) isOurs(ctx context.Context, shown, newest session) bool {
	found := k.doctl.session(k.Context)
	if shown.Refresh.Equal(found.Refresh) {
		return true
	}
	if then, _, err := k.newest(ctx, found); err == nil && then.Refresh.Equal(newest.Refresh) {
		return true // the session that was found has been refreshed by us
	}
	a, err := k.sources.bearer(k.API, k.token)
	b, newErr := k.sources.bearer(k.API, newest.Access)
	return err == nil && newErr == nil && a.sameAccount(b)
}

// ErrChanged means that doctl's configuration, or a login, has been that of perhaps another account since the account
// was found. Find it again.
var ErrChanged error = changedError{}

// changedError is a type because fmt.Errorf would format it each time the program starts.
type changedError struct{}

func (changedError) Error() string {
	return "the account has changed: try again"
}
func (changedError) Unwrap() error { return credential.ErrUnremembered }

// refreshes implements keeper. doctl doesn't refresh a session without an expiry either.
func (k *doctlSession) refreshes(s session) bool { return !s.Refresh.IsZero() && !s.ExpiresAt.IsZero() }

// lock implements keeper. It takes the lock of the refresh token and, where the system can lock a directory, that of
// doctl's configuration: another user or another environment may have its own state directory.
func (k *doctlSession) lock(ctx context.Context, s session) (unlock func(), err error) {
	unlockToken, err := k.sources.state().Lock(ctx, refreshName(s.Refresh))
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil, err
	}
	unlockDir, dirErr := filelock.Wait(ctx, func() (func(), error) {
		return filelock.Try(filepath.Dir(k.path)+string(filepath.Separator)+".", false)
	})
	switch {
	case err != nil:
		return unlockDir, dirErr
	case ctx.Err() != nil && errors.Is(dirErr, ctx.Err()):
		unlockToken()
		return nil, dirErr
	case dirErr != nil: // the system can't lock directories
		return unlockToken, nil
	}
	return func() { unlockDir(); unlockToken() }, nil
}

// reload implements keeper.
func (k *doctlSession) reload(ctx context.Context, s session) (session, error) {
	const wait, pause = 2 * time.Second, 50 * time.Millisecond
	for end := time.Now().Add(wait); time.Now().Before(end) && ctx.Err() == nil; {
		newer, _, err := k.find(ctx)
		if errors.Is(err, ErrChanged) || err == nil && !newer.Refresh.Equal(s.Refresh) {
			return newer, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return s, nil
}

// mend implements keeper.
func (k *doctlSession) mend(ctx context.Context, s session) {
	err := updateDoctl(k.path, k.Context, s, func(file session) bool {
		newest, name, err := k.newest(ctx, file)
		return err == nil && name != "" && newest.Refresh.Equal(s.Refresh) &&
			!(file.Refresh.Equal(s.Refresh) && file.Access.Equal(s.Access))
	})
	if err != nil {
		k.sources.log().Warn("doctl's configuration keeps a session that has been refreshed", "reason", err)
	}
}

// canonical returns an absolute path without links, if it can.
func canonical(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// stateKey returns the key under which sessions in the state directory are sealed.
func (s *Sources) stateKey(ctx context.Context) ([]byte, error) {
	return s.state().Random(ctx, keyRecord)
}
