package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
)

// account is what one access token reaches: the API, and its share of the cache.
type account struct {
	*options

	token  digitalocean.AccessToken
	listed []digitalocean.Cluster // all of its clusters, once they were asked for
}

// account returns the account of the access token that is given.
func (o *options) account() (*account, error) {
	token, err := o.accessToken()
	if err != nil {
		return nil, err
	}
	if err := o.checkAPIAddress(token); err != nil {
		return nil, err
	}
	return o.accountOf(token), nil
}

// accounts returns the accounts of all access tokens that can be found; there may be none.
func (o *options) accounts() []*account {
	tokens, err := o.accessTokenSources().All()
	if err != nil {
		o.log().Info("not all access tokens can be read", "reason", err)
	}
	var accounts []*account
	for _, token := range tokens {
		accounts = append(accounts, o.accountOf(token))
	}
	return accounts
}

func (o *options) accountOf(token digitalocean.AccessToken) *account {
	return &account{options: o, token: token}
}

// client returns the API's client. Only a cache miss needs one.
func (a *account) client() (*digitalocean.Client, error) {
	a.distrustRoots()
	return digitalocean.NewClient(digitalocean.Options{
		AccessToken: a.token,
		APIURL:      a.apiAddress(a.token),
		UserAgent:   "doks-auth/" + version(),
		Now:         a.Now,
		Log:         a.log(),
	})
}

// clusters returns all clusters of the account, which are asked for once.
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

// cluster looks a cluster up by its id or its name.
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
		return digitalocean.Cluster{}, fmt.Errorf("looking up the cluster of the name %s: %w", credential.ShowWord(name), err)
	}
	cluster, err := digitalocean.FindCluster(clusters, name)
	return cluster, a.explain(err)
}

// clusterIDs returns the ids of the clusters that are named by their ids or names. For names alone the
// account is needed.
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
				return nil, fmt.Errorf("looking up the cluster of the name %s: %w", credential.ShowWord(name), err)
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

// fetch says how a credential is got.
type fetch struct {
	expirySeconds  int
	noCache        bool
	forceRefresh   bool
	ignoreFailures bool // ask the API also when a call has just failed: a person may have mended it
}

func (f fetch) expiry() time.Duration { return time.Duration(f.expirySeconds) * time.Second }

// credential returns a cluster's credential, from the cache where that may be.
func (a *account) credential(ctx context.Context, id digitalocean.ClusterID, how fetch) (credential.Credential, error) {
	if err := how.check(); err != nil {
		return credential.Credential{}, err
	}
	a.log().Info("looking for the credential", "cluster", id, "access_token_from", a.token.Source, "api", a.apiAddress(a.token), "cache", a.cachePath())
	ctx, begin, end := interruptible(ctx)
	defer end()
	got, err := a.cached(id, how, begin).Credential(ctx)
	return got, getting(id, a.explain(err))
}

// getting returns an error that says for which cluster a credential could not be had.
func getting(id digitalocean.ClusterID, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("getting credentials for cluster %q: %w", id, err)
}

// renew returns another credential than old, from the API where need be.
func (a *account) renew(ctx context.Context, id digitalocean.ClusterID, how fetch, old credential.Credential) (credential.Credential, error) {
	ctx, begin, end := interruptible(ctx)
	defer end()
	got, err := a.cached(id, how, begin).Renew(ctx, old)
	return got, a.explain(err)
}

// cached returns what gives a cluster's credential, by way of the cache where that may be. begin is called
// before the API is asked.
func (a *account) cached(id digitalocean.ClusterID, how fetch, begin func()) *credential.Cached {
	var store credential.Store = a.store()
	switch {
	case how.noCache:
		store = new(credential.Memory)
	case how.ignoreFailures:
		store = forgetful{store}
	}
	return &credential.Cached{
		Provider: credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
			begin()
			return a.fetch(ctx, id, how)
		}),
		Store:   store,
		Key:     a.key(string(id), how.expiry()),
		Refresh: how.forceRefresh,
		Now:     a.Now,
		Log:     a.log(),
	}
}

// forgetful is a Store that remembers no failures.
type forgetful struct{ credential.Store }

// fetch gets a credential from the API.
func (a *account) fetch(ctx context.Context, id digitalocean.ClusterID, how fetch) (credential.Credential, error) {
	client, err := a.client()
	if err != nil {
		return credential.Credential{}, err
	}
	got, err := client.Credential(ctx, id, how.expiry())
	got.ExpiresAt = got.ExpiresAt.Truncate(time.Second) // as the cache has it: all get the same answer
	if err == nil && !how.noCache {
		a.fetched.Store(true)
	}
	return got, err
}

// store returns the cache on disk, sealed under the access token.
func (a *account) store() *cachedir.Dir { return cachedir.Open(a.cachePath(), a.token.Secret) }

// key returns the key of what the account gets for a cluster.
func (a *account) key(id string, expiry time.Duration) credential.Key {
	return digitalocean.CacheKey(a.apiAddress(a.token), digitalocean.ClusterID(id), expiry, a.token.Secret)
}

// explain adds to an error whose access token it is about; see hint.
func (a *account) explain(err error) error {
	if err == nil {
		return nil
	}
	return &accountError{error: err, source: a.token.Source, roots: a.roots}
}

// accountError is a failure of an account's.
type accountError struct {
	error
	source string   // of the access token
	roots  []string // variables that weren't heeded; see distrustRoots
}

// Unwrap returns the failure.
func (e *accountError) Unwrap() error { return e.error }
