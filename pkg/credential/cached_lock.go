package credential

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

var (
	// errBeingRenewed means that another caller is renewing a credential that is still valid.
	errBeingRenewed = errors.New("another process is renewing it")

	// errNeverUnlocked means that neither of a key's locks was released in time.
	errNeverUnlocked = errors.New("other processes have held the locks for too long")
)

// lock acquires the key's lock. If held is valid, lock tries only once. A lock that isn't released in time
// is bypassed; a context error means that ctx itself is done.
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
		} // else held has just expired
	}
	unlock, err = c.lockInTime(ctx, c.Key)
	if !isContextError(err) || ctx.Err() != nil {
		return unlock, err
	}
	c.log().Warn("another process has held the lock for too long; bypassing it")
	second := c.Key
	second.PassedOver = true
	unlock, err = c.lockInTime(ctx, second)
	if isContextError(err) && ctx.Err() == nil {
		return nil, errNeverUnlocked
	}
	return unlock, err
}

// lockInTime waits for a lock but leaves time for a fetch.
func (c *Cached) lockInTime(ctx context.Context, key Key) (unlock func(), err error) {
	ctx, cancel := withShare(ctx, 2, 3)
	defer cancel()
	return c.store().Lock(ctx, key)
}

// limit returns ctx with the time limit of a fetch. Under a lock, the limit is shorter than others wait for
// the lock.
func limit(ctx context.Context, locked bool) (context.Context, context.CancelFunc) {
	if locked {
		return withShare(ctx, 3, 5)
	}
	return context.WithCancel(ctx)
}

// withShare returns ctx limited to share/of of the time left until its deadline.
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

// timedOut returns the error for a step that was cut short by ctx.
func timedOut(ctx context.Context, step string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%s: interrupted: %w", step, ctx.Err())
	}
	return &Error{Class: Unreachable, Err: fmt.Errorf("%s: timed out", step)}
}
