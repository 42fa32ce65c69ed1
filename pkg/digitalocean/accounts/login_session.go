package accounts

import (
	"bytes"
	"context"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/statedir"
)

// loginSession is the keeper of a login's session.
type loginSession struct {
	*Sources

	name string
	root []byte // of the login that was found; nil: any
}

// read returns the record, the key of its secrets and the session.
func (k *loginSession) read(ctx context.Context) (*login, []byte, session, error) {
	l, err := k.readLogin(k.name)
	if err != nil {
		return nil, nil, session{}, err
	}
	if k.root != nil && !bytes.Equal(k.root, l.Root) {
		return nil, nil, session{}, ErrChanged
	}
	key, err := k.loginKey(ctx, l)
	var text []byte
	if err == nil {
		text, err = statedir.Unseal(key, loginRecord(k.name), l.Sealed)
	}
	var s session
	if err == nil {
		s, err = decodeSession(text)
	}
	if err != nil {
		return nil, nil, session{}, &credential.Error{
			Class: credential.Refused, Err: &LoginError{Name: k.name, Err: err},
		}
	}
	return l, key, s, nil
}

// load implements keeper.
func (k *loginSession) load(ctx context.Context) (session, error) {
	_, _, s, err := k.read(ctx)
	return s, err
}

// lock implements keeper.
func (k *loginSession) lock(ctx context.Context, _ session) (unlock func(), err error) {
	return k.state().Lock(ctx, loginRecord(k.name))
}

// reload implements keeper. Whoever refreshes holds the lock, so nobody else has.
func (k *loginSession) reload(_ context.Context, s session) (session, error) { return s, nil }

// mend implements keeper. No other program uses the session.
func (k *loginSession) mend(context.Context, session) {}

// refreshes implements keeper.
func (k *loginSession) refreshes(s session) bool { return !s.Refresh.IsZero() }

// reserve implements keeper.
func (k *loginSession) reserve(ctx context.Context, _ session) (reservation, error) {
	l, key, _, err := k.read(ctx)
	if err != nil {
		return nil, err
	}
	place, err := k.state().Reserve(loginRecord(k.name))
	if err != nil {
		return nil, err
	}
	return &loginReservation{k, l, key, place}, nil
}

// loginReservation is a reservation for a login's session.
type loginReservation struct {
	*loginSession

	login *login
	key   []byte
	place *statedir.Reservation
}

// keep implements reservation. Other scopes are another identity.
func (r *loginReservation) keep(_ context.Context, next session) error {
	sealed, err := statedir.Seal(r.key, loginRecord(r.name), next.encode())
	if err != nil {
		return err
	}
	if !slices.Equal(scopesOf(r.login.Scope), scopesOf(next.Scope)) {
		r.login.Scope, r.login.Root = next.Scope, statedir.NewRandom()
	}
	r.login.Sealed = sealed
	return r.place.Write(r.login)
}

// close implements reservation.
func (r *loginReservation) close() { r.place.Close() }
