package credential

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

var (
	// errBeingRenewed says that somebody else renews a credential that is still valid.
	errBeingRenewed = errors.New("another process renews it")

	// errNeverUnlocked says that whoever holds the locks of a key doesn't let go.
	errNeverUnlocked = errors.New("other processes hold the locks for too long")
)

// lock takes the lock of the key. Whoever holds a valid credential only tries. A lock that can't be had
// in time is passed over; the error is ctx's only when ctx has ended.
func (c *Cached) lock(ctx context.Context, held Credential) (unlock func(), err error) {
	if held.Valid(c.now()) {
		try, cancel := context.WithCancel(ctx)
		cancel()
		unlock, err := c.store().Lock(try, c.Key)
		switch {
		case !isContextError(err):
			return unlock, err
		case held.Valid(c.now()):
			return nil, errBeingRenewed
		} // else it has just ended
	}
	unlock, err = c.lockInTime(ctx, c.Key)
	if !isContextError(err) || ctx.Err() != nil {
		return unlock, err
	}
	c.log().Warn("another process holds the lock for too long; passing it over")
	second := c.Key
	second.PassedOver = true
	unlock, err = c.lockInTime(ctx, second)
	if isContextError(err) && ctx.Err() == nil {
		return nil, errNeverUnlocked
	}
	return unlock, err
}

// lockInTime waits for a lock, but leaves time for a fetch.
func (c *Cached) lockInTime(ctx context.Context, key Key) (unlock func(), err error) {
	ctx, cancel := withShare(ctx, 2, 3)
	defer cancel()
	return c.store().Lock(ctx, key)
}

// limit returns ctx with the time that a fetch may take: less, if others may wait for it, than they wait.
func limit(ctx context.Context, locked bool) (context.Context, context.CancelFunc) {
	if locked {
		return withShare(ctx, 3, 5)
	}
	return context.WithCancel(ctx)
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
