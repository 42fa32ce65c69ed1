package credential

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// renewalBudget bounds a renewal while the credential in hand is still valid: nobody waits long for
	// what isn't needed yet.
	renewalBudget = 2 * time.Second

	// deafness is how long a provider has to return after its context has ended.
	deafness = 100 * time.Millisecond
)

// errSlow says that a renewal was given up for want of time, with a valid credential in hand.
var errSlow = errors.New("no answer in time")

// call asks the provider. While held is valid, the call has renewalBudget. If that isn't enough and held
// is valid even then, the call is given up with errSlow. If held has ended meanwhile, it goes on until ctx
// ends: another call could be another mint.
func (c *Cached) call(ctx context.Context, held Credential) (Credential, error) {
	now := c.now()
	if !held.Valid(now) {
		return c.ask(ctx)
	}
	budget, cancel := context.WithTimeout(ctx, renewalBudget)
	defer cancel()
	asking, giveUp := context.WithCancel(ctx)
	defer giveUp()
	if held.Valid(now.Add(renewalBudget)) {
		asking = expected{asking, budget}
	}
	var got Credential
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		got, err = c.ask(asking)
	}()
	select {
	case <-done:
	case <-budget.Done():
	}
	if budget.Err() == nil || !held.Valid(c.now()) {
		<-done
		return got, err
	}
	giveUp()
	select {
	case <-done:
		if err == nil {
			return got, nil
		}
	case <-time.After(deafness):
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return Credential{}, timedOut(ctx, "fetching it")
	}
	return Credential{}, &Error{Class: Unreachable, Err: fmt.Errorf("renewing it: %w", errSlow)}
}

// expected is a context with the deadline of another one, which it most likely ends at: a provider that
// plans by the deadline then doesn't begin what it can't end.
type expected struct {
	context.Context
	end context.Context
}

// Deadline implements context.Context.
func (e expected) Deadline() (time.Time, bool) { return e.end.Deadline() }

// ask asks the provider, and makes the end of ctx a failure of its own class.
func (c *Cached) ask(ctx context.Context) (Credential, error) {
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
