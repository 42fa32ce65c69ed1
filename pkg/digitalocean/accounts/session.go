package accounts

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// session is a sign-in: an access token, and a refresh token that gets the next one.
type session struct {
	Access, Refresh credential.Secret
	ExpiresAt       time.Time // of Access; zero: unknown
	Issuer          string
	ClientID        string
	TokenEndpoint   string // "": the issuer's
	Scope           string

	previous credential.Secret // the access token before the refresh, if this run did it
}

// margin is how long before its expiry an access token isn't used any more. doctl refreshes two minutes before, so
// that it goes first.
const margin = 10 * time.Second

// isLive reports whether the access token can be used, and isn't the one that was refused.
func (s session) isLive(now time.Time, refused credential.Secret) bool {
	return !s.Access.IsZero() && !s.Access.Equal(refused) &&
		(s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt.Add(-margin)))
}

// plainSession is a session's JSON, in clear text: for sealing only.
type plainSession struct {
	Access, Refresh                        string
	ExpiresAt                              time.Time
	Issuer, ClientID, TokenEndpoint, Scope string
}

func (s session) encode() []byte {
	text, err := json.Marshal(plainSession{
		s.Access.Reveal(), s.Refresh.Reveal(), s.ExpiresAt, s.Issuer, s.ClientID, s.TokenEndpoint, s.Scope,
	})
	if err != nil {
		panic(err) // only a year with five digits, which oauth clamps
	}
	return text
}

func decodeSession(text []byte) (session, error) {
	var p plainSession
	if err := json.Unmarshal(text, &p); err != nil {
		return session{}, errors.New("it is not a session") // the cause could quote it
	}
	return session{
		Access: credential.NewSecret(p.Access), Refresh: credential.NewSecret(p.Refresh), ExpiresAt: p.ExpiresAt,
		Issuer: p.Issuer, ClientID: p.ClientID, TokenEndpoint: p.TokenEndpoint, Scope: p.Scope,
	}, nil
}

// keeper is where a session is kept.
type keeper interface {
	// load returns the newest session.
	load(ctx context.Context) (session, error)

	// lock waits for the lock that a refresh of s needs.
	lock(ctx context.Context, s session) (unlock func(), err error)

	// reserve makes sure that what a refresh returns can be kept: a refresh token is single use, so it would be the
	// end of the session to lose the next one.
	reserve(ctx context.Context, s session) (reservation, error)

	// reload returns the session once another program has replaced s. It waits a moment for that. It returns s
	// itself if nobody has.
	reload(ctx context.Context, s session) (session, error)

	// mend passes a kept session on to where other programs look for it.
	mend(ctx context.Context, s session)

	// refreshes reports whether a session may be refreshed, after its access token expired or was refused.
	refreshes(s session) bool
}

// reservation is a place for a session.
type reservation interface {
	// keep keeps the session that replaces the one that reserve was called with.
	keep(ctx context.Context, next session) error
	close()
}

// EndedError means that a session can't be refreshed: whoever has it must sign in again.
type EndedError struct {
	Source  string // of the account
	Context string // doctl's; "" for a login of doks-auth
	Login   string // of doks-auth; "" for doctl's
	Err     error
}

// Error returns a message with the source and the cause.
func (e *EndedError) Error() string {
	return fmt.Sprintf("the session of %s has ended: %v", e.Source, e.Err)
}

// Unwrap returns the cause.
func (e *EndedError) Unwrap() error { return e.Err }

// KeepError means that a session wasn't refreshed, because the result couldn't be kept, and the session would have been
// lost.
type KeepError struct{ Err error }

// Error returns a message with the cause.
func (e *KeepError) Error() string { return "the state directory can't be written: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *KeepError) Unwrap() error { return e.Err }

// maxTries bounds how often a session is looked at again because it is another one each time.
const maxTries = 5

// BusyError means that another process holds the lock of a session's refresh.
type BusyError struct{ Err error }

// Error returns a message with the cause.
func (e *BusyError) Error() string { return "another process is doing that: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *BusyError) Unwrap() error { return e.Err }

// live returns the session with an access token that hasn't expired and isn't the refused one. It refreshes the
// session if it must. If that can't be done, there may be no access token.
func (a *Account) live(ctx context.Context, refused credential.Secret) (session, error) {
	k := a.keeper()
	s, err := k.load(ctx)
	for range maxTries {
		switch {
		case err != nil || s.isLive(a.sources.now(), refused):
			return s, err
		case !k.refreshes(s):
			return s.without(refused), nil
		}
		var done bool
		if s, done, err = a.liveUnderLock(ctx, k, s, refused); done {
			return s, err
		}
	}
	return session{}, cmp.Or(err, ErrChanged)
}

// liveUnderLock is live under the lock of a session that has ended. It isn't done if the session is another one by now,
// which has another lock.
func (a *Account) liveUnderLock(
	ctx context.Context, k keeper, ended session, refused credential.Secret,
) (s session, done bool, err error) {
	arrived := a.sources.waiting("another process that is refreshing the session of %s", a.Source)
	unlock, err := k.lock(ctx, ended)
	arrived()
	if err != nil {
		if ctx.Err() != nil {
			err = &BusyError{inTime(ctx, err)}
		}
		return s, true, fmt.Errorf("refreshing the session of %s: %w", a.Source, err)
	}
	defer unlock()
	s, err = k.load(ctx)
	switch {
	case err != nil:
		return s, true, err
	case s.isLive(a.sources.now(), refused):
		k.mend(ctx, s)
		return s, true, nil
	case !s.Refresh.Equal(ended.Refresh):
		return s, false, nil
	}
	next, err := a.refresh(ctx, k, s)
	switch {
	case err == nil:
		return next, true, nil
	case oauth.IsCode(err, "invalid_grant"):
		// Another program may have used the refresh token first, and be about to write what it got.
		newer, reloadErr := k.reload(ctx, s)
		if reloadErr != nil || !newer.Refresh.Equal(ended.Refresh) {
			return newer, reloadErr != nil, reloadErr
		}
		return session{}, true, &credential.Error{
			Class: credential.Refused,
			Err:   &EndedError{Source: a.Source, Context: a.Context, Login: a.Login, Err: err},
		}
	}
	return session{}, true, fmt.Errorf("refreshing the session of %s: %w", a.Source, err)
}

// without returns the session without its access token if that was refused. Else the API will say whether the access
// token has expired.
func (s session) without(refused credential.Secret) session {
	if s.Access.Equal(refused) {
		s.Access = credential.Secret{}
	}
	return s
}

// refresh refreshes a session. Its lock must be held.
func (a *Account) refresh(ctx context.Context, k keeper, s session) (session, error) {
	place, err := k.reserve(ctx, s)
	if err != nil {
		return session{}, &KeepError{show.Reason(err)}
	}
	defer place.close()
	a.sources.log().Info("refreshing the session", "of", a.Source, "expired_at", s.ExpiresAt)
	if a.sources.Hold != nil {
		release := a.sources.Hold()
		defer release()
	}
	answered := a.sources.waiting("the authorization server to refresh the session of %s", a.Source)
	grant, err := a.askForGrant(ctx, s)
	answered()
	if err != nil {
		return session{}, err
	}
	next := s.next(grant, a.sources.now())
	if err := place.keep(context.WithoutCancel(ctx), next); err != nil {
		a.sources.log().Warn("the refreshed session can't be kept", "of", a.Source, "reason", err)
	}
	return next, nil
}

// askForGrant asks the authorization server for the next access token. The call isn't interrupted by the end of ctx,
// because its answer must not be lost; it isn't begun if there is little time left.
func (a *Account) askForGrant(ctx context.Context, s session) (oauth.Grant, error) {
	const enough = time.Second
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < enough || ctx.Err() != nil {
		return oauth.Grant{}, inTime(ctx, context.DeadlineExceeded)
	}
	client := a.sources.oauthClient()
	endpoint := s.TokenEndpoint
	if endpoint == "" {
		server, err := client.Discover(ctx, s.Issuer)
		if err != nil {
			return oauth.Grant{}, err
		}
		endpoint = server.Token
	}
	return client.Refresh(context.WithoutCancel(ctx), endpoint, s.ClientID, s.Refresh)
}

// defaultLifetime is that of an access token whose expiry the server doesn't say.
const defaultLifetime = time.Hour

// next returns the session after a refresh.
func (s session) next(grant oauth.Grant, now time.Time) session {
	s.previous = s.Access
	s.Access, s.ExpiresAt = grant.Access, grant.ExpiresAt
	if s.ExpiresAt.IsZero() {
		s.ExpiresAt = now.Add(defaultLifetime).UTC().Truncate(time.Second)
	}
	if !grant.Refresh.IsZero() { // else the old one stays valid (RFC 6749, section 6)
		s.Refresh = grant.Refresh
	}
	if grant.Scope != "" {
		s.Scope = grant.Scope
	}
	return s
}

// inTime gives an error from an expired deadline its class.
func inTime(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &credential.Error{Class: credential.Unreachable, Err: errors.New("timed out")}
}
