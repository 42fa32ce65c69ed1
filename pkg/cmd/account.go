package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// account is what one access token gives access to: the API, and its share of the cache.
type account struct {
	*options

	token  digitalocean.AccessToken
	api    string                 // the API's address
	cache  string                 // the cache's directory; "" if there is no place for one
	listed []digitalocean.Cluster // all of its clusters, after the first call of clusters
}

// account returns the account of the access token that the options choose.
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

// accounts returns the accounts of all access tokens that it can find. There may be none.
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
	return &account{options: o, token: token, api: o.apiAddress(token), cache: o.cachePath()}
}

// client returns an API client. A cache hit doesn't need one.
func (a *account) client() (*digitalocean.Client, error) {
	a.distrustRoots()
	return digitalocean.NewClient(digitalocean.Options{
		AccessToken: a.token,
		APIURL:      a.api,
		UserAgent:   "doks-auth/" + version(),
		Now:         a.Now,
		Log:         a.log(),
	})
}

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
		"access_token_from", a.token.Source, "api", a.api, "cache", a.cache)
	ctx, begin, end := interruptible(ctx)
	defer end()
	got, err := a.cached(id, how, begin).Credential(ctx)
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
	got, err := a.cached(id, how, begin).Renew(ctx, old)
	return got, a.explain(err)
}

// cached returns a provider of a cluster's credential that uses the cache if how allows that. It calls begin
// before it calls the API.
func (a *account) cached(id digitalocean.ClusterID, how fetch, begin func()) *credential.Cached {
	var store credential.Store = a.store()
	if how.noCache {
		store = new(credential.Memory)
	}
	return &credential.Cached{
		Provider: credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
			begin()
			return a.fetch(ctx, id, how)
		}),
		Store:          store,
		Key:            a.key(string(id), how.expiry()),
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
		a.fetched.Store(true)
	}
	return got, err
}

// store returns the cache on disk, sealed under the access token.
func (a *account) store() *cachedir.Dir { return cachedir.Open(a.cache, a.token.Secret) }

// key returns the cache key of the account's credential for a cluster.
func (a *account) key(id string, expiry time.Duration) credential.Key {
	return digitalocean.CacheKey(a.api, digitalocean.ClusterID(id), expiry, a.token.Secret)
}

// explain adds to an error what its hint says about the account; see hintOf.
func (a *account) explain(err error) error {
	if err == nil {
		return nil
	}
	return &accountError{error: err, source: a.token.Source, roots: a.roots}
}

// accountError is an account's failure.
type accountError struct {
	error
	source string   // of the access token
	roots  []string // variables that were ignored; see distrustRoots
}

// Unwrap returns the underlying error.
func (e *accountError) Unwrap() error { return e.error }
