package credential

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	// renewalBudget bounds a renewal while the credential in hand is still valid: nobody waits long
	// for what isn't needed yet.
	renewalBudget = 2 * time.Second

	// failureMemory is how long a failed fetch answers for the next ones. One kubectl command runs a
	// failing plugin about five times.
	failureMemory = 5 * time.Second
)

// Cached is a Provider that keeps what another Provider gives.
//
// A fresh credential comes from the Store, with no lock and no call. Else one caller fetches, under
// the Store's lock, and all who waited take what it got: the credential or the failure. A failure
// is remembered for five seconds when the Store is a [FailureStore].
//
// A credential that is due for renewal but still valid is kept in use: whoever finds the lock held
// takes it at once, and so does who fetches in vain, unless the API itself refused. Such an attempt
// has two seconds.
//
// Where the Store can't be read, written or locked, the credential is fetched all the same. A holder
// of the lock that doesn't let go (a stopped process) is waited for during three quarters of the
// time that ctx leaves, and then passed over; a fetch under the lock has two thirds, so that a slow
// API is never taken for a stopped process. Without a deadline both last as long as they last.
//
// Not guaranteed: that a credential was not revoked meanwhile. Nothing tells a Store of that; see
// Refresh.
type Cached struct {
	Provider Provider
	Store    Store
	Key      Key

	// Refresh takes from the Store only what was fetched since Credential was called.
	Refresh bool

	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: slog.DiscardHandler
}

// Credential implements [Provider].
func (c *Cached) Credential(ctx context.Context) (Credential, error) {
	asked := c.now()
	if c.Refresh {
		return c.fetch(ctx, asked, Credential{})
	}
	held, err := c.Store.Get(ctx, c.Key)
	switch {
	case err != nil:
		c.log().Info("cache miss", "cluster", c.Key.ClusterID, "reason", err)
	case held.Fresh(asked):
		c.log().Info("cache hit", "cluster", c.Key.ClusterID, "renew_at", held.RenewAt(), "expires_at", held.ExpiresAt)
		return held, nil
	default:
		c.log().Info("cache miss", "cluster", c.Key.ClusterID, "reason", "due for renewal", "expires_at", held.ExpiresAt)
	}
	return c.fetch(ctx, asked, held)
}

// fetch gets a new credential, from the provider or from whoever fetches at the same time. held is
// what to fall back on while it is valid.
func (c *Cached) fetch(ctx context.Context, asked time.Time, held Credential) (Credential, error) {
	fallback := held.Valid(asked)

	lockCtx, cancel := withShare(ctx, 3, 4)
	if fallback {
		cancel() // a try
	}
	unlock, lockErr := c.Store.Lock(lockCtx, c.Key)
	cancel()
	switch {
	case lockErr == nil:
		defer unlock()
	case ctx.Err() != nil:
		return Credential{}, timedOut(ctx, "waiting for another process that fetches it")
	case !isContextError(lockErr):
		c.log().Warn("going on without a lock", "reason", lockErr)
	case fallback:
		c.log().Info("another process renews it; using the cached one until then")
		return held, nil
	default:
		c.log().Warn("another process holds the lock for too long; going on without it")
	}

	if got, err := c.Store.Get(ctx, c.Key); err == nil && c.answers(got, asked) {
		c.log().Info("another process fetched it meanwhile", "expires_at", got.ExpiresAt)
		return got, nil
	}
	err := c.recentFailure(ctx, asked)
	if err == nil {
		fetchCtx, cancel := ctx, context.CancelFunc(func() {})
		switch {
		case fallback:
			fetchCtx, cancel = context.WithTimeout(ctx, renewalBudget)
		case lockErr == nil:
			fetchCtx, cancel = withShare(ctx, 2, 3)
		}
		defer cancel()
		var got Credential
		if got, err = c.call(fetchCtx); err == nil {
			c.put(ctx, got)
			return got, nil
		}
		c.remember(ctx, err)
	}
	if class := ClassOf(err); fallback && (class == Unreachable || class == Unusable) {
		c.log().Warn("using the cached credential, which is still valid", "expires_at", held.ExpiresAt, "reason", err)
		return held, nil
	}
	return Credential{}, err
}

// answers tells whether a credential that the Store has under the lock answers a question that was
// asked at that time.
func (c *Cached) answers(got Credential, asked time.Time) bool {
	if c.Refresh || !got.Fresh(c.now()) {
		return got.Valid(c.now()) && !got.FetchedAt.Before(asked)
	}
	return true
}

// call asks the provider, and makes the end of ctx a failure of its own class.
func (c *Cached) call(ctx context.Context) (Credential, error) {
	start := c.now()
	got, err := c.Provider.Credential(ctx)
	switch {
	case err == nil:
		c.log().Info("fetched", "cluster", c.Key.ClusterID, "took", c.now().Sub(start), "expires_at", got.ExpiresAt)
	case ctx.Err() != nil && ClassOf(err) == Other:
		err = timedOut(ctx, "fetching it")
	}
	return got, err
}

func (c *Cached) put(ctx context.Context, got Credential) {
	if got.ExpiresAt.IsZero() {
		c.log().Info("not cached: its expiry is unknown")
		return
	}
	if err := c.Store.Put(ctx, c.Key, got); err != nil {
		c.log().Warn("not cached", "reason", err)
	}
}

// recentFailure returns the failure that answers a question asked at that time: one that happened
// since, or a few seconds ago.
func (c *Cached) recentFailure(ctx context.Context, asked time.Time) error {
	failures, ok := c.Store.(FailureStore)
	if !ok {
		return nil
	}
	f, err := failures.Failure(ctx, c.Key)
	if err != nil || f.At.After(c.now()) {
		return nil
	}
	if f.At.Before(asked) && (c.Refresh || c.now().Sub(f.At) >= failureMemory) {
		return nil
	}
	c.log().Info("not asking again: a fetch has just failed", "at", f.At)
	return &Error{Class: f.Class, Err: errors.New(f.Message), Hint: f.Hint}
}

// remember puts a failed fetch in the Store, unless it was the caller who gave up.
func (c *Cached) remember(ctx context.Context, err error) {
	failures, ok := c.Store.(FailureStore)
	if !ok || errors.Is(err, context.Canceled) {
		return
	}
	f := Failure{At: c.now(), Class: ClassOf(err), Message: err.Error()}
	if e, ok := errors.AsType[*Error](err); ok {
		f.Hint = e.Hint
	}
	if err := failures.PutFailure(ctx, c.Key, f); err != nil {
		c.log().Warn("the failure is not remembered", "reason", err)
	}
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

// withShare returns ctx with the given share of the time left until its deadline.
func withShare(ctx context.Context, share, of time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)*share/of)
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// timedOut returns the failure of a step that ctx ended.
func timedOut(ctx context.Context, step string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: interrupted: %w", step, ctx.Err())
	}
	return &Error{Class: Unreachable, Err: fmt.Errorf("%s: timed out", step)}
}
