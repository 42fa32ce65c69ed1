package credential

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Cached is a Provider that caches another Provider's credentials in a Store.
//
// A fresh credential is returned from the Store without a lock or a call to the Provider. Otherwise one
// caller fetches under the Store's lock, and all waiting callers share its result, success or failure.
// If the Store is a [FailureStore], a failure is remembered for five seconds.
//
// A credential that is due for renewal but still valid remains in use. A caller that finds the lock held
// returns it at once; so does a caller whose fetch fails, unless the API refused it. A renewal has
// two seconds. If the old credential expires within them, the same call to the Provider continues with the
// full time of a fetch. If it doesn't, the call is canceled, and callers with a valid credential
// don't retry for a minute, since the call may have minted. A Provider that ignores its context
// isn't waited for, but what it returns late is stored.
//
// If the Store can't be read, written or locked, the credential is fetched anyway. If the holder of the lock
// doesn't release it (a stopped process, for example), waiting callers give up after two thirds of the time left
// in ctx and then proceed one at a time, under a second lock. If that isn't released either, they
// wait two thirds of the remaining time and then fetch without a lock. A fetch has three fifths of the time,
// so that callers with equal deadlines don't mistake a slow API for a stopped process. Without a deadline,
// these waits are unlimited.
//
// With a Shared store, what the Store lacks is looked up there before the Provider is called, and one machine at a time
// calls it, in the same way. Only credentials are shared: failures, and what a cluster says about a credential, stay
// with the Store. A credential that the cluster is known to refuse here isn't taken from there. If the shared store
// fails, everything goes on without it.
//
// Cached doesn't guarantee that a credential hasn't been revoked, which a Store can't know; see Refresh
// and Renew.
type Cached struct {
	Provider Provider
	Store    Store       // nil: no caching, each call goes to the Provider
	Shared   SharedStore // behind the Store; nil: none
	Key      Key

	// Refresh ignores stored credentials fetched before the call of Credential.
	Refresh bool

	// IgnoreFailures neither uses nor keeps remembered failures, for callers that want each failure's
	// current reason.
	IgnoreFailures bool

	// Leeway is how long before its expiry a credential is renewed, at most half its lifetime.
	// 0 means at [Credential.RenewAt].
	Leeway time.Duration

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: slog.DiscardHandler
}

// Credential implements [Provider].
func (c *Cached) Credential(ctx context.Context) (Credential, error) {
	asked := c.now()
	answers := func(got Credential) bool { return c.answers(got, asked) }
	if c.Refresh {
		return c.fetch(ctx, asked, request{answers: answers, anew: true})
	}
	held, err := c.store().Get(ctx, c.Key)
	switch {
	case err != nil:
		c.log().Info("cache miss", "cluster", c.Key.ClusterID, "reason", err)
	case c.fresh(held, asked):
		c.log().Info("cache hit", "cluster", c.Key.ClusterID,
			"renew_at", c.RenewAt(held), "expires_at", held.ExpiresAt)
		return held, nil
	default:
		c.log().Info("cache miss", "cluster", c.Key.ClusterID,
			"reason", "due for renewal", "expires_at", held.ExpiresAt)
	}
	return c.fetch(ctx, asked, request{held: held, answers: answers})
}

// Renew returns a replacement for old, which is due for renewal or was refused by the cluster: a fresh
// credential that another caller has stored, or a new one. It never falls back on a credential that is due
// for renewal, so the fetch isn't limited to two seconds.
func (c *Cached) Renew(ctx context.Context, old Credential) (Credential, error) {
	if r, ok := c.Provider.(Replacer); ok {
		replacing := *c
		replacing.Provider = ProviderFunc(func(ctx context.Context) (Credential, error) { return r.Replace(ctx, old) })
		c = &replacing
	}
	asked := c.now()
	replaces := func(got Credential) bool { return c.fresh(got, c.now()) && !got.same(old) }
	if got, err := c.store().Get(ctx, c.Key); err == nil && replaces(got) {
		c.log().Info("already renewed by another caller", "cluster", c.Key.ClusterID, "expires_at", got.ExpiresAt)
		return got, nil
	}
	return c.fetch(ctx, asked, request{answers: replaces, anew: true})
}

// RenewAt returns when held is due for renewal, or the zero time if its expiry is unknown.
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

// fetch gets a new credential from the provider, or from a concurrent caller through the Store.
func (c *Cached) fetch(ctx context.Context, asked time.Time, r request) (Credential, error) {
	unlock, lockErr := c.lock(ctx, r.held)
	switch {
	case lockErr == nil:
		defer unlock()
	case errors.Is(lockErr, errBeingRenewed):
		c.log().Info("another process is renewing it; using the cached one")
		return r.held, nil
	case isContextError(lockErr):
		return Credential{}, timedOut(ctx, "waiting for another process to fetch it")
	default:
		c.log().Warn("continuing without a lock", "reason", lockErr)
	}
	if got, err := c.store().Get(ctx, c.Key); err == nil && r.answers(got) {
		c.log().Info("already fetched by another process", "expires_at", got.ExpiresAt)
		return got, nil
	}

	fetchCtx, cancel := limit(ctx, lockErr == nil)
	defer cancel()
	if got, ok := c.fromShared(fetchCtx, &r); ok {
		return got, nil
	}
	now, within := c.now(), timeLeft(fetchCtx)
	if err := c.recentFailure(ctx, asked, now, r.held, within); err != nil {
		return c.fallBack(r.held, r.held.Valid(now), err)
	}
	got, err := c.call(fetchCtx, r)
	switch {
	case err == nil:
		return got, nil
	case errors.Is(err, errBeingRenewed):
		c.log().Info("another machine is renewing it; using the cached one")
		return r.held, nil
	}
	slow := errors.Is(err, errSlow)
	f := Failure{At: c.now(), Renewal: slow}
	if slow || fetchCtx.Err() != nil {
		f.Within = within
	}
	c.remember(ctx, f, err)
	return c.fallBack(r.held, slow || r.held.Valid(f.At), err)
}

// fallBack returns held if it is valid and err is not a refusal; otherwise it returns err.
func (c *Cached) fallBack(held Credential, valid bool, err error) (Credential, error) {
	if class := ClassOf(err); valid && (class == Unreachable || class == Unusable) {
		c.log().Warn("using the cached credential, which is still valid", "expires_at", held.ExpiresAt, "reason", err)
		return held, nil
	}
	return Credential{}, err
}

// answers reports whether got, found in the Store under the lock, satisfies a call made at asked.
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
