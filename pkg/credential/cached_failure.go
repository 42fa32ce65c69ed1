package credential

import (
	"context"
	"errors"
	"time"
)

const (
	// failureMemory is how long a failed fetch answers for the next ones. One kubectl command runs a
	// failing plugin about five times.
	failureMemory = 5 * time.Second

	// renewalMemory is how long nobody with a valid credential tries again after a renewal that was given
	// up: each such call may mint.
	renewalMemory = time.Minute
)

// recentFailure returns the failure that answers now a question that was asked at that time, by somebody
// who holds a credential, valid or not, and has that budget for a fetch.
func (c *Cached) recentFailure(
	ctx context.Context, asked, now time.Time, held Credential, budget time.Duration,
) error {
	failures, ok := c.Store.(FailureStore)
	if !ok {
		return nil
	}
	f, err := failures.Failure(ctx, c.Key)
	if err != nil || f.At.After(now) {
		return nil
	}
	if held.Valid(now) {
		budget = min(budget, renewalBudget)
	}
	age := now.Sub(f.At)
	hadLess := f.Within > 0 && budget > f.Within+f.Within/10
	answers := !f.At.Before(asked) || !c.Refresh && !hadLess && age < failureMemory
	if f.Renewal {
		answers = held.Valid(now) && age < renewalMemory
	}
	if !answers {
		return nil
	}
	c.log().Info("not asking again: a fetch has just failed", "at", f.At)
	return &Error{Class: f.Class, Err: errors.New(f.Message), Status: f.Status, ClockSkew: f.ClockSkew}
}

// remember puts a failed fetch in the Store, with what f tells of it already, unless it was the caller
// who gave up.
func (c *Cached) remember(ctx context.Context, f Failure, err error) {
	failures, ok := c.Store.(FailureStore)
	if !ok || errors.Is(err, context.Canceled) {
		return
	}
	f.Class, f.Message = ClassOf(err), err.Error()
	if e, ok := errors.AsType[*Error](err); ok {
		f.Status, f.ClockSkew = e.Status, e.ClockSkew
	}
	if err := failures.PutFailure(ctx, c.Key, f); err != nil {
		c.log().Warn("the failure is not remembered", "reason", err)
	}
}
