package cmd

import (
	"context"
	"fmt"
	"sync"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// account is an account of DigitalOcean: the API, and its share of the cache.
type account struct {
	*options
	*accounts.Account

	cache  string                 // the cache's directory; "" if there is no place for one
	placed sync.Map               // identities, by cluster, that this run found out with Place
	listed []digitalocean.Cluster // all of its clusters, after the first call of clusters; nil before
	seen   sync.Map               // clusters as the API has shown them, by id
	called sync.Map               // how the user calls clusters, by id, unless by the id
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
	defer a.waiting(theAPI)()
	listed, err := client.Clusters(ctx)
	if err != nil {
		return nil, a.explain(err)
	}
	a.listed = append([]digitalocean.Cluster{}, listed...)
	for _, cluster := range listed {
		a.seen.Store(cluster.ID, cluster)
	}
	return a.listed, nil
}

// theAPI is what most waits are for.
const theAPI = "the DigitalOcean API"

// cluster looks up a cluster by its id or name.
func (a *account) cluster(ctx context.Context, name string) (digitalocean.Cluster, error) {
	if id, err := digitalocean.ParseClusterID(name); err == nil {
		return a.clusterByID(ctx, id)
	}
	clusters, err := a.clusters(ctx)
	if err != nil {
		return digitalocean.Cluster{}, fmt.Errorf("looking up cluster %s: %w", show.Word(name), err)
	}
	cluster, err := digitalocean.FindCluster(clusters, name)
	if err != nil {
		return cluster, a.suggest(err, name, clusters)
	}
	a.called.Store(cluster.ID, name)
	return cluster, nil
}

func (a *account) clusterByID(ctx context.Context, id digitalocean.ClusterID) (digitalocean.Cluster, error) {
	client, err := a.client()
	if err != nil {
		return digitalocean.Cluster{}, err
	}
	defer a.waiting(theAPI)()
	cluster, err := client.Cluster(ctx, id)
	if err == nil {
		a.seen.Store(id, cluster)
	}
	return cluster, a.explain(err)
}

// clusterIDs returns the ids of clusters that are given by id or name. Only names need the account.
func (o *options) clusterIDs(ctx context.Context, names []string) ([]digitalocean.ClusterID, error) {
	ids, _, err := o.lookUpIDs(ctx, names)
	return ids, err
}

// lookUpIDs is clusterIDs. It also returns the account, if it was needed.
func (o *options) lookUpIDs(ctx context.Context, names []string) ([]digitalocean.ClusterID, *account, error) {
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
				return nil, nil, fmt.Errorf("looking up cluster %s: %w", show.Word(name), err)
			}
		}
		cluster, err := a.cluster(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		ids[i] = cluster.ID
	}
	return ids, a, nil
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
	source        string   // of the account
	roots         []string // variables that were ignored; see distrustRoots
	expirySeconds int      // the lifetime that was requested; 0: none
	state         string   // of the cluster, if the API has said it; "": unknown
}

// Unwrap returns the underlying error.
func (e *accountError) Unwrap() error { return e.error }
