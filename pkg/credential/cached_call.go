package credential

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// renewalBudget limits a renewal while the old credential is still valid: nobody should wait long for
	// a credential that isn't needed yet.
	renewalBudget = 2 * time.Second

	// deafness is how long a provider has to return after its context is done.
	deafness = 100 * time.Millisecond
)

// errSlow means that a renewal was canceled after renewalBudget because held was still valid.
var errSlow = errors.New("no answer in time")

// call asks for a credential. While held is valid, the call has renewalBudget. If it takes longer and held is
// still valid, the call is canceled and returns errSlow. If held has expired, the call continues until ctx
// is done, because a second call could mint a second token.
func (c *Cached) call(ctx context.Context, r request) (Credential, error) {
	now, held := c.now(), r.held
	if !held.Valid(now) {
		return c.ask(ctx, r)
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
		got, err = c.ask(asking, r)
	}()
	select {
	case <-done:
	case <-budget.Done():
	}
	if budget.Err() == nil || !held.Valid(c.now()) {
		<-done
		if _, late := errors.AsType[lateError](err); late && held.Valid(c.now()) {
			return Credential{}, tooSlow() // as the next caller's would most likely be, too
		}
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
	return Credential{}, tooSlow()
}

// tooSlow returns the error for a renewal that is given up.
func tooSlow() error {
	return &Error{Class: Unreachable, Err: fmt.Errorf("renewing it: %w", errSlow)}
}

// expected is a context with the deadline of another context, at which it will most likely be canceled, so that
// a provider that plans by its deadline doesn't start what it can't finish.
type expected struct {
	context.Context
	end context.Context
}

// Deadline implements context.Context.
func (e expected) Deadline() (time.Time, bool) { return e.end.Deadline() }

// askProvider calls the provider, and puts what it gets into the Store at once, however late that is. If ctx ends first,
// it returns a classified error.
func (c *Cached) askProvider(ctx context.Context) (Credential, error) {
	start := c.now()
	got, err := c.Provider.Credential(ctx)
	switch {
	case err == nil:
		c.log().Info("fetched", "cluster", c.Key.ClusterID, "took", c.now().Sub(start), "expires_at", got.ExpiresAt)
		c.put(ctx, got)
	case ctx.Err() != nil && ClassOf(err) == Other:
		err = timedOut(ctx, "fetching it")
	}
	return got, err
}
