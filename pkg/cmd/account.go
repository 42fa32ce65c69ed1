package cmd

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// account is an account of DigitalOcean: the API, and its share of the cache.
type account struct {
	*options
	*accounts.Account

	cache  string                 // the cache's directory; "" if there is no place for one
	placed sync.Map               // identities, by cluster, that this run found out with Place
	listed []digitalocean.Cluster // all of its clusters, after the first call of clusters
}

// account returns the account that the options choose.
func (o *options) account() (*account, error) {
	found, err := o.sources().Find()
	if err != nil {
		return nil, o.notFound(err)
	}
	if err := o.checkAPIAddress(found); err != nil {
		return nil, err
	}
	return o.accountOf(found), nil
}

// accounts returns all accounts that it can find. There may be none.
func (o *options) accounts() []*account {
	found, err := o.sources().All()
	if err != nil {
		o.log().Info("not all accounts can be read", "reason", err)
	}
	var all []*account
	for _, one := range found {
		all = append(all, o.accountOf(one))
	}
	return all
}

func (o *options) accountOf(found *accounts.Account) *account {
	found.API = o.apiAddress(found)
	return &account{options: o, Account: found, cache: o.cachePath()}
}

// client returns an API client. A cache hit doesn't need one.
func (a *account) client() (*digitalocean.Client, error) {
	a.distrustRoots()
	return digitalocean.NewClient(digitalocean.Options{
		AccessToken: a.Account,
		APIURL:      a.API,
		UserAgent:   userAgent(),
		Now:         a.Now,
		Log:         a.log(),
	})
}

func userAgent() string { return "doks-auth/" + version() }

// clusters returns all clusters of the account. It calls the API once.
func (a *account) clusters(ctx context.Context) ([]digitalocean.Cluster, error) {
	if a.listed != nil {
		return a.listed, nil
	}
	client, err := a.client()
	if err != nil {
		return nil, err
	}
	a.listed, err = client.Clusters(ctx)
	return a.listed, a.explain(err)
}

// cluster looks up a cluster by its id or name.
func (a *account) cluster(ctx context.Context, name string) (digitalocean.Cluster, error) {
	if id, err := digitalocean.ParseClusterID(name); err == nil {
		client, err := a.client()
		if err != nil {
			return digitalocean.Cluster{}, err
		}
		cluster, err := client.Cluster(ctx, id)
		return cluster, a.explain(err)
	}
	clusters, err := a.clusters(ctx)
	if err != nil {
		return digitalocean.Cluster{}, fmt.Errorf("looking up cluster %s: %w", show.Word(name), err)
	}
	cluster, err := digitalocean.FindCluster(clusters, name)
	return cluster, a.explain(err)
}

// clusterIDs returns the ids of clusters that are given by id or name. Only names need the account.
func (o *options) clusterIDs(ctx context.Context, names []string) ([]digitalocean.ClusterID, error) {
	ids := make([]digitalocean.ClusterID, len(names))
	var a *account
	for i, name := range names {
		id, err := digitalocean.ParseClusterID(name)
		if err == nil {
			ids[i] = id
			continue
		}
		if a == nil {
			if a, err = o.account(); err != nil {
				return nil, fmt.Errorf("looking up cluster %s: %w", show.Word(name), err)
			}
		}
		cluster, err := a.cluster(ctx, name)
		if err != nil {
			return nil, err
		}
		ids[i] = cluster.ID
	}
	return ids, nil
}

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
	got, err := a.provider(id, how, begin).Credential(ctx)
	return got, getting(id, a.explain(err))
}

// getting adds to an error which cluster the credential was for.
func getting(id digitalocean.ClusterID, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("getting credentials for cluster %q: %w", id, err)
}

// renew returns a credential that replaces old, from the API if necessary.
func (a *account) renew(
	ctx context.Context, id digitalocean.ClusterID, how fetch, old credential.Credential,
) (credential.Credential, error) {
	ctx, begin, end := interruptible(ctx)
	defer end()
	got, err := a.provider(id, how, begin).Renew(ctx, old)
	return got, a.explain(err)
}

// provider returns a provider of a cluster's credential that uses the cache if how allows that. It calls begin
// before it calls the API.
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
	return cached
}

// placing is a provider for a session whose access token hasn't been seen before. It first finds out whose the session
// is, and then is what provider returns. One process at a time does that, and a failure is remembered, as for a
// fetch.
func (a *account) placing(id digitalocean.ClusterID, how fetch, begin func()) *credential.Cached {
	seen, _ := a.Seen()
	cached := a.cached(id, how, seen)
	if dir, ok := cached.Store.(*cachedir.Dir); ok {
		cached.Store = unkept{dir}
	}
	cached.Provider = credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
		begin()
		client, err := a.client()
		if err != nil {
			return credential.Credential{}, err
		}
		identity, err := a.Place(ctx, client, id)
		if err != nil {
			return credential.Credential{}, err
		}
		a.placed.Store(id, identity)
		return a.provider(id, how, begin).Credential(ctx)
	})
	return cached
}

// unkept is a cache that keeps failures, but no credentials.
type unkept struct{ *cachedir.Dir }

// Put implements credential.Store.
func (unkept) Put(context.Context, credential.Key, credential.Credential) error { return nil }

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
	var store credential.Store = cachedir.Open(a.cache, identity)
	if how.noCache {
		store = new(credential.Memory)
	}
	return &credential.Cached{
		Store:          store,
		Key:            digitalocean.CacheKey(a.API, id, how.expiry(), identity),
		Refresh:        how.forceRefresh,
		IgnoreFailures: how.ignoreFailures,
		Now:            a.Now,
		Log:            a.log(),
	}
}

// fetch gets a credential from the API.
func (a *account) fetch(ctx context.Context, id digitalocean.ClusterID, how fetch) (credential.Credential, error) {
	client, err := a.client()
	if err != nil {
		return credential.Credential{}, err
	}
	got, err := client.Credential(ctx, id, how.expiry())
	got.ExpiresAt = got.ExpiresAt.Truncate(time.Second) // as cached, so that all callers get the same answer
	if err == nil && !how.noCache {
		a.later.fetched.Store(true)
	}
	return got, err
}

// entryOf returns the cache and the key of the account's credential for a cluster, if the account's identity is known.
func (a *account) entryOf(id string, expiry time.Duration) (*cachedir.Dir, credential.Key, bool) {
	identity, known := a.identityFor(digitalocean.ClusterID(id))
	if !known {
		return nil, credential.Key{}, false
	}
	key := digitalocean.CacheKey(a.API, digitalocean.ClusterID(id), expiry, identity)
	return cachedir.Open(a.cache, identity), key, true
}

// explain adds to an error what its hint says about the account; see hintOf.
func (a *account) explain(err error) error {
	if err == nil {
		return nil
	}
	return &accountError{error: err, source: a.Source, roots: a.roots}
}

// accountError is an account's failure.
type accountError struct {
	error
	source string   // of the account
	roots  []string // variables that were ignored; see distrustRoots
}

// Unwrap returns the underlying error.
func (e *accountError) Unwrap() error { return e.error }
