package credential

import (
	"context"
	"errors"
	"slices"
)

// A SharedStore is a Store that other machines use, too. It may fail at any time.
type SharedStore interface {
	// Store's Lock returns ErrStored if it waits and a credential is stored meanwhile: whoever waits
	// probably needs no lock any more.
	Store

	// Remove removes the credential stored under key if it is c.
	Remove(ctx context.Context, key Key, c Credential) error
}

// ErrStored means that another credential was stored while Lock waited.
var ErrStored = errors.New("a credential was stored while waiting for the lock")

// request is what a caller wants of fetch.
type request struct {
	held    Credential            // the fallback while it is valid
	answers func(Credential) bool // whether a stored credential will do
	anew    bool                  // nothing but what answers will do, not even as a fallback
}

// fromShared returns the credential in the shared store if it answers, and puts it into the Store. If it doesn't answer,
// but is better than the caller's fallback, it becomes that.
func (c *Cached) fromShared(ctx context.Context, r *request) (Credential, bool) {
	if c.Shared == nil || c.Refresh { // when it was fetched, only another machine's clock says
		return Credential{}, false
	}
	got, err := c.Shared.Get(ctx, c.Key)
	switch {
	case err != nil:
		c.log().Info("shared cache miss", "cluster", c.Key.ClusterID, "reason", err)
		return Credential{}, false
	case c.isRefusedHere(ctx, got):
		c.log().Info("shared cache miss", "cluster", c.Key.ClusterID, "reason", "the cluster refuses what is there")
		return Credential{}, false
	case r.answers(got):
		c.log().Info("shared cache hit", "cluster", c.Key.ClusterID, "expires_at", got.ExpiresAt)
		c.put(ctx, got)
		return got, true
	}
	c.log().Info("shared cache miss", "cluster", c.Key.ClusterID,
		"reason", "due for renewal", "expires_at", got.ExpiresAt)
	if !r.anew && got.Valid(c.now()) && got.ExpiresAt.After(r.held.ExpiresAt) {
		r.held = got
		c.put(ctx, got)
	}
	return Credential{}, false
}

// isRefusedHere reports whether the cluster is known to refuse a credential, however long ago it did.
func (c *Cached) isRefusedHere(ctx context.Context, got Credential) bool {
	store, ok := c.Store.(JudgmentStore)
	if !ok {
		return false
	}
	j, err := store.Judgment(ctx, c.Key)
	return err == nil && slices.Contains(j.Refused, got.Digest())
}

// maxTries is how often what was stored in a shared store may not answer before it is no reason to wait for more.
const maxTries = 3

// ask calls the provider, unless another machine fetches what answers meanwhile. One machine at a time calls it.
func (c *Cached) ask(ctx context.Context, r request) (Credential, error) {
	if c.Shared == nil {
		return c.askProvider(ctx)
	}
	there := *c
	there.Store = c.Shared // for its lock
	for tries := 1; ; tries++ {
		unlock, err := there.lock(ctx, r.held)
		switch {
		case err == nil:
			defer unlock()
		case errors.Is(err, errBeingRenewed):
			return Credential{}, err
		case isContextError(err):
			return Credential{}, timedOut(ctx, "waiting for another machine to fetch it")
		case !errors.Is(err, ErrStored) || tries == maxTries:
			c.log().Warn("continuing without the shared cache's lock", "reason", err)
		}
		if got, ok := c.fromShared(ctx, &r); ok {
			return got, nil
		}
		if errors.Is(err, ErrStored) && tries < maxTries {
			continue
		}
		// Nobody waits for a renewal that isn't needed yet, whose time is limited anyway.
		limited, cancel := limit(ctx, err == nil && !r.held.Valid(c.now()))
		defer cancel()
		got, err := c.askProvider(limited)
		if err == nil && !got.ExpiresAt.IsZero() {
			if err := c.Shared.Put(ctx, c.Key, got); err != nil {
				c.log().Warn("not put into the shared cache", "reason", err)
			}
		}
		return got, err
	}
}

// Refuse removes a credential that the cluster has refused from the shared store, if it is there. If the Store is a
// [JudgmentStore], it is never taken from there again.
func (c *Cached) Refuse(ctx context.Context, refused Credential) {
	if c.Shared == nil {
		return
	}
	if store, ok := c.Store.(JudgmentStore); ok {
		j, _ := store.Judgment(ctx, c.Key) // none is the zero one
		j.note(refused.Digest(), Refuses)
		c.keepJudgment(ctx, store, j)
	}
	if err := c.Shared.Remove(ctx, c.Key, refused); err != nil {
		c.log().Warn("the refused credential may still be in the shared cache", "reason", err)
	}
}
