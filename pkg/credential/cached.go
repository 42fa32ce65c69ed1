package credential

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Cached is a Provider that keeps what another Provider gives.
//
// A fresh credential comes from the Store, with no lock and no call. Else one caller fetches, under
// the Store's lock, and all who waited take what it got: the credential or the failure. A failure
// is remembered for five seconds when the Store is a [FailureStore].
//
// A credential that is due for renewal but still valid is kept in use: whoever finds the lock held
// takes it at once, and so does who fetches in vain, unless the API itself refused. Such a fetch has
// two seconds. If the credential in hand ends meanwhile, the same call to the Provider goes on, with all
// the time that a fetch has; if not, the call is given up, and whoever holds a valid credential doesn't
// try again for a minute, as the call may have minted. A Provider that ignores its context is left alone
// then.
//
// Where the Store can't be read, written or locked, the credential is fetched all the same. A holder
// of the lock that doesn't let go (a stopped process) is waited for during two thirds of the time
// that ctx leaves, and then passed over, by one at a time of those who wait. Should one of those not let
// go either, it is waited for during two thirds of the rest, and the credential fetched without a lock.
// A fetch has three fifths of the time, so that among callers with the same time a slow API isn't taken
// for a stopped process. Without a deadline all of this lasts as long as it lasts.
//
// Not guaranteed: that a credential was not revoked meanwhile. Nothing tells a Store of that; see
// Refresh and Renew.
type Cached struct {
	Provider Provider
	Store    Store // nil: nothing is kept, and each call is the provider's
	Key      Key

	// Refresh takes from the Store only what was fetched since Credential was called.
	Refresh bool

	// Leeway is how long before its end a credential is renewed, half of its lifetime at most; 0 means
	// at [Credential.RenewAt].
	Leeway time.Duration

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: slog.DiscardHandler
}

// Credential implements [Provider].
func (c *Cached) Credential(ctx context.Context) (Credential, error) {
	asked := c.now()
	answers := func(got Credential) bool { return c.answers(got, asked) }
	if c.Refresh {
		return c.fetch(ctx, asked, Credential{}, answers)
	}
	held, err := c.store().Get(ctx, c.Key)
	switch {
	case err != nil:
		c.log().Info("cache miss", "cluster", c.Key.ClusterID, "reason", err)
	case c.fresh(held, asked):
		c.log().Info("cache hit", "cluster", c.Key.ClusterID, "renew_at", c.RenewAt(held), "expires_at", held.ExpiresAt)
		return held, nil
	default:
		c.log().Info("cache miss", "cluster", c.Key.ClusterID, "reason", "due for renewal", "expires_at", held.ExpiresAt)
	}
	return c.fetch(ctx, asked, held, answers)
}

// Renew returns another credential than old, which is due for renewal or which the cluster refused: a
// fresh one that somebody else got meanwhile, or else a new one. It doesn't fall back on one that is
// merely valid, and so has all the time that ctx leaves.
func (c *Cached) Renew(ctx context.Context, old Credential) (Credential, error) {
	asked := c.now()
	replaces := func(got Credential) bool { return c.fresh(got, c.now()) && !got.same(old) }
	if got, err := c.store().Get(ctx, c.Key); err == nil && replaces(got) {
		c.log().Info("somebody else renewed it", "cluster", c.Key.ClusterID, "expires_at", got.ExpiresAt)
		return got, nil
	}
	return c.fetch(ctx, asked, Credential{}, replaces)
}

// RenewAt returns when held is due for renewal; zero when its expiry is unknown.
func (c *Cached) RenewAt(held Credential) time.Time {
	if c.Leeway <= 0 || held.ExpiresAt.IsZero() {
		return held.RenewAt()
	}
	lifetime := max(held.ExpiresAt.Sub(held.FetchedAt), 0)
	return held.ExpiresAt.Add(-min(c.Leeway, lifetime/2))
}

func (c *Cached) fresh(held Credential, now time.Time) bool {
	return held.Valid(now) && now.Before(c.RenewAt(held))
}

// fetch gets a new credential, from the provider or from whoever fetches at the same time. held is
// what to fall back on while it is valid; answers tells whether what the Store has under the lock will do.
func (c *Cached) fetch(
	ctx context.Context, asked time.Time, held Credential, answers func(Credential) bool,
) (Credential, error) {
	unlock, lockErr := c.lock(ctx, held)
	switch {
	case lockErr == nil:
		defer unlock()
	case errors.Is(lockErr, errBeingRenewed):
		c.log().Info("another process renews it; using the cached one until then")
		return held, nil
	case isContextError(lockErr):
		return Credential{}, timedOut(ctx, "waiting for another process that fetches it")
	default:
		c.log().Warn("going on without a lock", "reason", lockErr)
	}
	if got, err := c.store().Get(ctx, c.Key); err == nil && answers(got) {
		c.log().Info("another process fetched it meanwhile", "expires_at", got.ExpiresAt)
		return got, nil
	}

	fetchCtx, cancel := limit(ctx, lockErr == nil)
	defer cancel()
	now, within := c.now(), timeLeft(fetchCtx)
	if err := c.recentFailure(ctx, asked, now, held, within); err != nil {
		return c.fallBack(held, held.Valid(now), err)
	}
	got, err := c.call(fetchCtx, held)
	if err == nil {
		c.put(ctx, got)
		return got, nil
	}
	slow := errors.Is(err, errSlow)
	f := Failure{At: c.now(), Renewal: slow}
	if slow || fetchCtx.Err() != nil {
		f.Within = within
	}
	c.remember(ctx, f, err)
	return c.fallBack(held, slow || held.Valid(f.At), err)
}

// fallBack returns held if it is valid and the API didn't refuse another one, or else err.
func (c *Cached) fallBack(held Credential, valid bool, err error) (Credential, error) {
	if class := ClassOf(err); valid && (class == Unreachable || class == Unusable) {
		c.log().Warn("using the cached credential, which is still valid", "expires_at", held.ExpiresAt, "reason", err)
		return held, nil
	}
	return Credential{}, err
}

// answers tells whether a credential that the Store has under the lock answers a question that was
// asked at that time.
func (c *Cached) answers(got Credential, asked time.Time) bool {
	if c.Refresh || !c.fresh(got, c.now()) {
		return got.Valid(c.now()) && !got.FetchedAt.Before(asked)
	}
	return true
}

func (c *Cached) put(ctx context.Context, got Credential) {
	if got.ExpiresAt.IsZero() {
		c.log().Info("not cached: its expiry is unknown")
		return
	}
	if err := c.store().Put(ctx, c.Key, got); err != nil {
		c.log().Warn("not cached", "reason", err)
	}
}

func (c *Cached) store() Store {
	if c.Store == nil {
		return new(Memory)
	}
	return c.Store
}

func (c *Cached) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func (c *Cached) log() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}
