package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
)

// fetch says how to get a credential.
type fetch struct {
	expirySeconds  int
	noCache        bool
	forceRefresh   bool
	ignoreFailures bool // call the API even if a call has just failed: a person may have fixed the cause
}

func (f fetch) expiry() time.Duration { return time.Duration(f.expirySeconds) * time.Second }

// credential returns a cluster's credential, from the cache if how allows that.
func (a *account) credential(
	ctx context.Context, id digitalocean.ClusterID, how fetch,
) (credential.Credential, error) {
	if err := how.check(); err != nil {
		return credential.Credential{}, err
	}
	a.log().Info("looking up the credential", "cluster", id,
		"access_token_from", a.Source, "api", a.API, "cache", a.cache)
	ctx, begin, end := interruptible(ctx)
	defer end()
	got, err := a.steadily(func(a *account) (credential.Credential, error) {
		return a.provider(id, how, begin).Credential(ctx)
	})
	if err == nil {
		return got, nil
	}
	if err := a.stateError(ctx, id, how, err); err != nil {
		return got, err
	}
	return got, &gettingError{a.nameOf(id), a.explainFetch(id, err, how)}
}

// explainFetch is explain for an error about a cluster's credential.
func (a *account) explainFetch(id digitalocean.ClusterID, err error, how fetch) error {
	cluster, _ := a.seenCluster(id)
	return &accountError{
		error: err, source: a.Source, roots: a.roots, expirySeconds: how.expirySeconds, state: cluster.State,
	}
}

// gettingError is an error with the cluster that the credential was for, as the user calls it.
type gettingError struct {
	cluster string
	err     error
}

// Error returns a message with the cluster and the cause.
func (e *gettingError) Error() string {
	return fmt.Sprintf("getting credentials for cluster %q: %v", e.cluster, e.err)
}

// Unwrap returns the cause.
func (e *gettingError) Unwrap() error { return e.err }

// steadily calls do for the account. If doctl's configuration or the login changes meanwhile, it finds the account
// again.
func (a *account) steadily(do func(*account) (credential.Credential, error)) (credential.Credential, error) {
	const pause, most = 20 * time.Millisecond, 8
	got, err := do(a)
	for wait := pause; errors.Is(err, accounts.ErrChanged) && wait <= pause<<most; wait *= 2 {
		time.Sleep(wait / 2) // doctl may be about to write
		a.log().Info("the account has changed; finding it again", "source", a.Source)
		again, findErr := a.account()
		if findErr != nil {
			return credential.Credential{}, findErr
		}
		got, err = do(again)
	}
	return got, err
}

// getting adds to an error which cluster the credential was for.
func getting(id digitalocean.ClusterID, err error) error {
	if err == nil {
		return nil
	}
	return &gettingError{string(id), err}
}

// renew returns a credential that replaces old, from the API if necessary.
func (a *account) renew(
	ctx context.Context, id digitalocean.ClusterID, how fetch, old credential.Credential,
) (credential.Credential, error) {
	ctx, begin, end := interruptible(ctx)
	defer end()
	got, err := a.steadily(func(a *account) (credential.Credential, error) {
		return a.provider(id, how, begin).Renew(ctx, old)
	})
	return got, a.explain(err)
}

// heal implements source.
func (a *account) heal(
	ctx context.Context, id digitalocean.ClusterID, how fetch, held credential.Credential,
	asker credential.Asker,
) (credential.Credential, error) {
	ctx, begin, end := interruptible(ctx)
	defer end()
	got, err := a.steadily(func(a *account) (credential.Credential, error) {
		return a.provider(id, how, begin).Heal(ctx, held, asker)
	})
	return got, a.explain(err)
}

// provider returns a provider of a cluster's credential that uses the cache if how allows that. It calls begin
// before it calls the API, or takes a lock that other machines see.
func (a *account) provider(id digitalocean.ClusterID, how fetch, begin func()) *credential.Cached {
	identity, known := a.identityFor(id)
	if !known {
		return a.placing(id, how, begin)
	}
	cached := a.cached(id, how, identity)
	cached.Provider = credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
		begin()
		return a.fetch(ctx, id, how)
	})
	a.share(cached, identity, how, begin)
	return cached
}

// placing is a provider for a session whose access token hasn't been seen before. It first finds out whose the session
// is, and then is what provider returns. One process at a time does that, and a failure is remembered, as for a
// fetch.
func (a *account) placing(id digitalocean.ClusterID, how fetch, begin func()) *credential.Cached {
	seen, _ := a.Seen()
	cached := a.cached(id, how, seen)
	switch store := cached.Store.(type) {
	case *cachedir.Dir:
		cached.Store = unkept{store}
	case announcing:
		cached.Store = unkept{store.Dir}
	}
	cached.Provider = credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
		begin()
		client, err := a.client()
		if err != nil {
			return credential.Credential{}, err
		}
		arrived := a.waiting(theAPI)
		began := time.Now()
		identity, err := a.Place(ctx, client, id)
		took := time.Since(began)
		arrived()
		if err != nil {
			return credential.Credential{}, err
		}
		a.placed.Store(id, identity)
		placed := a.provider(id, how, begin)
		fetch := placed.Provider
		placed.Provider = credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
			if err := credential.CheckTime(ctx, took, "finding out whose session it is"); err != nil {
				return credential.Credential{}, err
			}
			return fetch.Credential(ctx)
		})
		return placed.Credential(ctx)
	})
	return cached
}

// unkept is a cache that keeps failures, but no credentials.
type unkept struct{ *cachedir.Dir }

// Put implements credential.Store.
func (unkept) Put(context.Context, credential.Key, credential.Credential) error { return nil }

// announcing is a cache that says when it waits for another process.
type announcing struct {
	*cachedir.Dir
	options *options
}

// Lock implements credential.Store.
func (c announcing) Lock(ctx context.Context, key credential.Key) (unlock func(), err error) {
	defer c.options.waiting("another process that is fetching the credential")()
	return c.Dir.Lock(ctx, key)
}

// identityFor returns the account's identity, if it is known.
func (a *account) identityFor(id digitalocean.ClusterID) (credential.Secret, bool) {
	if identity, ok := a.placed.Load(id); ok {
		return identity.(credential.Secret), true
	}
	identity, known := a.Identity(id)
	if a.NeedsMending() {
		a.later.mend.Store(a.Account)
	}
	return identity, known
}

// cached returns what serves a cluster's credential from the cache of an identity.
func (a *account) cached(id digitalocean.ClusterID, how fetch, identity credential.Secret) *credential.Cached {
	return &credential.Cached{
		Store:          a.store(identity, how),
		Key:            digitalocean.CacheKey(a.API, id, how.expiry(), identity),
		Refresh:        how.forceRefresh,
		IgnoreFailures: how.ignoreFailures,
		Now:            a.Now,
		Log:            a.log(),
	}
}

// store returns the cache's part of an identity.
func (o *options) store(identity credential.Secret, how fetch) credential.Store {
	dir := cachedir.Open(o.cachePath(), identity)
	switch {
	case how.noCache:
		return new(credential.Memory)
	case o.isWatched():
		return announcing{dir, o}
	}
	return dir
}

// fetch gets a credential from the API.
func (a *account) fetch(ctx context.Context, id digitalocean.ClusterID, how fetch) (credential.Credential, error) {
	client, err := a.client()
	if err != nil {
		return credential.Credential{}, err
	}
	arrived := a.waiting(theAPI)
	got, err := client.Credential(ctx, id, how.expiry())
	arrived()
	got.ExpiresAt = got.ExpiresAt.Truncate(time.Second) // as cached, so that all callers get the same answer
	if err == nil && !how.noCache {
		a.later.fetched.Store(true)
	}
	return got, err
}

// entryOf returns the cache and the key of the account's credential for a cluster, if the account's identity is known.
func (a *account) entryOf(id string, expiry time.Duration) (*cachedir.Dir, credential.Key, bool) {
	identity, key, known := a.keyOf(id, expiry)
	if !known {
		return nil, credential.Key{}, false
	}
	return cachedir.Open(a.cache, identity), key, true
}

// keyOf returns the account's identity for a cluster, and the key of its credential, if it can have one.
func (a *account) keyOf(id string, expiry time.Duration) (credential.Secret, credential.Key, bool) {
	identity, known := a.identityFor(digitalocean.ClusterID(id))
	if !known {
		return credential.Secret{}, credential.Key{}, false
	}
	return identity, digitalocean.CacheKey(a.API, digitalocean.ClusterID(id), expiry, identity), true
}
