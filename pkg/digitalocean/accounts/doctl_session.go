package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/filelock"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// doctlSession is the keeper of a session that doctl signed in to. doctl takes no lock and may overwrite what we
// write, so the newest session is in our state directory, too.
type doctlSession struct {
	*Sources

	path    string // of doctl's configuration, without links
	context string
	api     string // the API's address
}

// sessionRecord is our copy of a session.
type sessionRecord struct {
	Sealed []byte   `json:"sealed"`
	Spent  []string `json:"spent"` // digests of refresh tokens that have been used
}

// maxSpent is how many spent refresh tokens are remembered. doctl would have to write back an older one.
const maxSpent = 100

func (k *doctlSession) record() string {
	place := sha256.Sum256(fmt.Appendf(nil, "%q %q", k.path, k.context))
	return sessionsFolder + hex.EncodeToString(place[:16])
}

// copied returns our copy of the session, or the zero session, and which refresh tokens have been spent.
func (k *doctlSession) copied() (session, []string) {
	var record sessionRecord
	err := k.state().Read(k.record(), &record)
	var key, text []byte
	if err == nil {
		key, err = k.stateKey(context.Background())
	}
	if err == nil {
		text, err = statedir.Unseal(key, k.record(), record.Sealed)
	}
	var s session
	if err == nil {
		s, err = decodeSession(text)
	}
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			k.log().Warn("the copy of the session can't be used", "reason", err)
		}
		return session{}, nil
	}
	return s, record.Spent
}

// load implements keeper.
func (k *doctlSession) load(context.Context) (session, error) {
	file, err := openDoctl(k.path)
	if err != nil {
		return session{}, err
	}
	s := file.session(k.context)
	if s.Refresh.IsZero() { // signed out, or it has a token for good by now
		return session{Access: credential.NewSecret(file.accessToken(k.context))}, nil
	}
	ours, spent := k.copied()
	if k.isNewer(ours, s, spent) {
		return ours, nil
	}
	return s, nil
}

// isNewer reports whether our copy of a session is newer than what doctl's file shows: that is a session whose refresh
// token has been spent, or one of the same account that expired earlier. A session that may be another account's is
// never replaced.
func (k *doctlSession) isNewer(ours, file session, spent []string) bool {
	switch {
	case ours.Refresh.IsZero():
		return false
	case slices.Contains(spent, credential.Identity(file.Refresh)):
		return true
	case !ours.ExpiresAt.After(file.ExpiresAt) || file.ExpiresAt.IsZero():
		return false
	case ours.Refresh.Equal(file.Refresh):
		return true
	}
	a, err := k.bearer(k.api, ours.Access)
	b, fileErr := k.bearer(k.api, file.Access)
	return err == nil && fileErr == nil && a.sameAccount(b)
}

// refreshes implements keeper. doctl doesn't refresh a session without an expiry either.
func (k *doctlSession) refreshes(s session) bool { return !s.Refresh.IsZero() && !s.ExpiresAt.IsZero() }

// lock implements keeper. Without a state directory, it locks the directory of doctl's configuration.
func (k *doctlSession) lock(ctx context.Context) (unlock func(), err error) {
	unlock, err = k.state().Lock(ctx, k.record())
	if err == nil || ctx.Err() != nil {
		return unlock, err
	}
	return filelock.Wait(ctx, func() (func(), error) {
		return filelock.Try(filepath.Dir(k.path)+string(filepath.Separator)+".", false)
	})
}

// reload implements keeper.
func (k *doctlSession) reload(ctx context.Context, s session) session {
	const wait, pause = 2 * time.Second, 50 * time.Millisecond
	for end := time.Now().Add(wait); time.Now().Before(end) && ctx.Err() == nil; {
		file, err := openDoctl(k.path)
		if err == nil {
			if newer := file.session(k.context); !newer.Refresh.IsZero() && !newer.Refresh.Equal(s.Refresh) {
				if _, spent := k.copied(); !slices.Contains(spent, credential.Identity(newer.Refresh)) {
					return newer
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return s
}

// mend implements keeper.
func (k *doctlSession) mend(s session) {
	if file, err := openDoctl(k.path); err != nil || file.session(k.context).Refresh.Equal(s.Refresh) {
		return
	}
	k.update(s)
}

// update writes a session to doctl's configuration, unless that shows one that may be newer.
func (k *doctlSession) update(s session) {
	_, spent := k.copied()
	err := updateDoctl(k.path, k.context, s, func(file session) bool {
		return !file.Refresh.IsZero() &&
			(slices.Contains(spent, credential.Identity(file.Refresh)) || k.isNewer(s, file, spent))
	})
	if err != nil {
		k.log().Warn("doctl's configuration keeps a session that has been replaced", "reason", err)
	}
}

// canonical returns a path without links, if it can.
func canonical(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// stateKey returns the key under which sessions in the state directory are sealed.
func (s *Sources) stateKey(ctx context.Context) ([]byte, error) {
	return s.state().Random(ctx, keyRecord)
}
