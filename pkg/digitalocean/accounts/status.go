package accounts

import (
	"context"
	"strings"
	"time"
)

// Session is what is known about a session, without its secrets.
type Session struct {
	Scopes    []string  // nil: unknown
	ExpiresAt time.Time // of the access token; zero: unknown

	// Refreshes says that the session is refreshed when the access token has expired.
	Refreshes bool
}

// Session returns what is known about the account's session. It may read the keyring, and makes no call.
func (a *Account) Session(ctx context.Context) (Session, error) {
	k := a.keeper()
	s, err := k.load(ctx)
	if err != nil {
		return Session{}, err
	}
	return Session{Scopes: strings.Fields(s.Scope), ExpiresAt: s.ExpiresAt, Refreshes: k.refreshes(s)}, nil
}
