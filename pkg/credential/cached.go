package credential

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
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
// of the lock that doesn't let go (a stopped process) is waited for during two thirds of the time
// that ctx leaves, and then passed over, by one at a time of those who wait. A fetch has three fifths
// of the time, so that among callers with the same time a slow API isn't taken for a stopped process.
// Without a deadline all of this lasts as long as it lasts.
//
// Not guaranteed: that a credential was not revoked meanwhile. Nothing tells a Store of that; see
// Refresh and Renew.
type Cached struct {
	Provider Provider
	Store    Store
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
	held, err := c.Store.Get(ctx, c.Key)
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
	if got, err := c.Store.Get(ctx, c.Key); err == nil && replaces(got) {
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
func (c *Cached) fetch(ctx context.Context, asked time.Time, held Credential, answers func(Credential) bool) (Credential, error) {
	unlock, lockErr := c.lock(ctx, held)
	switch {
	case lockErr == nil:
		defer unlock()
	case !isContextError(lockErr):
		c.log().Warn("going on without a lock", "reason", lockErr)
	case held.Valid(c.now()):
		c.log().Info("another process renews it; using the cached one until then")
		return held, nil
	default:
		return Credential{}, timedOut(ctx, "waiting for another process that fetches it")
	}
	if got, err := c.Store.Get(ctx, c.Key); err == nil && answers(got) {
		c.log().Info("another process fetched it meanwhile", "expires_at", got.ExpiresAt)
		return got, nil
	}

	fetchCtx, cancel := c.limit(ctx, held, lockErr == nil)
	defer cancel()
	budget := timeLeft(fetchCtx)
	err := c.recentFailure(ctx, asked, budget)
	if err == nil {
		var got Credential
		if got, err = c.call(fetchCtx); err == nil {
			c.put(ctx, got)
			return got, nil
		}
		if fetchCtx.Err() == nil {
			budget = 0 // it wasn't for want of time
		}
		c.remember(ctx, err, budget)
	}
	if class := ClassOf(err); held.Valid(c.now()) && (class == Unreachable || class == Unusable) {
		c.log().Warn("using the cached credential, which is still valid", "expires_at", held.ExpiresAt, "reason", err)
		return held, nil
	}
	return Credential{}, err
}

// lock takes the lock of the key. Who holds a valid credential only tries.
func (c *Cached) lock(ctx context.Context, held Credential) (unlock func(), err error) {
	waitCtx, cancel := withShare(ctx, 2, 3)
	defer cancel()
	if held.Valid(c.now()) {
		cancel()
		return c.Store.Lock(waitCtx, c.Key)
	}
	unlock, err = c.Store.Lock(waitCtx, c.Key)
	if err == nil || !isContextError(err) || ctx.Err() != nil {
		return unlock, err
	}
	c.log().Warn("another process holds the lock for too long; passing it over")
	second := c.Key
	second.Auth += ", passing over" // all who pass over share this lock
	return c.Store.Lock(ctx, second)
}

// limit returns ctx with the time that a fetch may take.
func (c *Cached) limit(ctx context.Context, held Credential, locked bool) (context.Context, context.CancelFunc) {
	switch now := c.now(); {
	case held.Valid(now):
		return context.WithTimeout(ctx, min(renewalBudget, held.ExpiresAt.Sub(now)))
	case locked:
		return withShare(ctx, 3, 5)
	default:
		return context.WithCancel(ctx)
	}
}

// answers tells whether a credential that the Store has under the lock answers a question that was
// asked at that time.
func (c *Cached) answers(got Credential, asked time.Time) bool {
	if c.Refresh || !c.fresh(got, c.now()) {
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
// since, or a few seconds ago, unless it was for want of time and there is more of it now.
func (c *Cached) recentFailure(ctx context.Context, asked time.Time, budget time.Duration) error {
	failures, ok := c.Store.(FailureStore)
	if !ok {
		return nil
	}
	f, err := failures.Failure(ctx, c.Key)
	if err != nil || f.At.After(c.now()) {
		return nil
	}
	hadLess := f.Within > 0 && budget > f.Within+f.Within/10
	if f.At.Before(asked) && (c.Refresh || hadLess || c.now().Sub(f.At) >= failureMemory) {
		return nil
	}
	c.log().Info("not asking again: a fetch has just failed", "at", f.At)
	return &Error{Class: f.Class, Err: errors.New(f.Message), Hint: f.Hint}
}

// remember puts a failed fetch in the Store, unless it was the caller who gave up. within is how
// long the fetch had, if it failed for want of time.
func (c *Cached) remember(ctx context.Context, err error, within time.Duration) {
	failures, ok := c.Store.(FailureStore)
	if !ok || errors.Is(err, context.Canceled) {
		return
	}
	f := Failure{At: c.now(), Class: ClassOf(err), Message: err.Error(), Within: within}
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

// timeLeft returns the time until ctx's deadline.
func timeLeft(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return math.MaxInt64
	}
	return time.Until(deadline)
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
