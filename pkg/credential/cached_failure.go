package credential

import (
	"context"
	"errors"
	"time"
)

const (
	// failureMemory is how long a failure is returned again without another fetch. One kubectl command
	// runs a failing plugin about five times.
	failureMemory = 5 * time.Second

	// renewalMemory is how long callers with a valid credential wait before retrying a renewal that timed
	// out: each attempt may mint.
	renewalMemory = time.Minute
)

// recentFailure returns the remembered failure if it still applies to a caller that asked at asked, holds held
// (valid or not) and has budget for a fetch; otherwise nil.
func (c *Cached) recentFailure(
	ctx context.Context, asked, now time.Time, held Credential, budget time.Duration,
) error {
	failures, ok := c.Store.(FailureStore)
	if !ok || c.IgnoreFailures {
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
	c.log().Info("not fetching: a recent fetch failed", "at", f.At)
	return &Error{Class: f.Class, Err: errors.New(f.Message), Status: f.Status, ClockSkew: f.ClockSkew}
}

// remember completes f from err and stores it, unless the caller canceled the fetch.
func (c *Cached) remember(ctx context.Context, f Failure, err error) {
	failures, ok := c.Store.(FailureStore)
	if !ok || c.IgnoreFailures || errors.Is(err, context.Canceled) || errors.Is(err, ErrUnremembered) {
		return
	}
	f.Class, f.Message = ClassOf(err), err.Error()
	if e, ok := errors.AsType[*Error](err); ok {
		f.Status, f.ClockSkew = e.Status, e.ClockSkew
	}
	if err := failures.PutFailure(ctx, c.Key, f); err != nil {
		c.log().Warn("failure not remembered", "reason", err)
	}
}
