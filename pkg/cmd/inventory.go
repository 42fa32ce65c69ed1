package cmd

import (
	"context"
	"errors"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
)

// The states of a cached credential.
const (
	stateFresh    = "fresh"
	stateDue      = "due-for-renewal" // still valid; the next use of it renews it
	stateExpired  = "expired"
	stateUnusable = "unusable"
)

// cachedCredential is an entry of the cache as the commands tell of it. Its texts are fit to print.
type cachedCredential struct {
	ClusterID       string    `json:"cluster_id"` // "" when it can't be read
	Server          string    `json:"server"`
	AccessTokenFrom []string  `json:"access_token_from"` // where an access token is that opens it
	FetchedAt       time.Time `json:"fetched_at,omitzero"`
	ExpiresAt       time.Time `json:"expires_at,omitzero"`
	State           string    `json:"state"`
	Reason          string    `json:"reason,omitempty"` // why it is unusable
	File            string    `json:"file"`
}

// inventory tells what cache entries are worth, and whose they are as far as that can be found out.
type inventory struct {
	*options

	accounts []*account
}

// newInventory returns an inventory that knows the access tokens that can be found. There may be none.
func newInventory(o *options) *inventory {
	return &inventory{options: o, accounts: o.accounts()}
}

// entries returns what the cache holds.
func (o *options) entries() ([]cachedir.Entry, error) {
	path := o.cachePath()
	if path == "" {
		return nil, advise(credential.Usage, errors.New("there is no place for a cache without a home directory"),
			"give --cache-dir, or set "+cachedir.EnvVar)
	}
	return cachedir.List(path)
}

// describe tells of an entry. Where one of the access tokens is the entry's, it is opened as well: the
// header alone could be anybody's.
func (i *inventory) describe(ctx context.Context, e cachedir.Entry) cachedCredential {
	told := cachedCredential{
		ClusterID:       oneLine(e.ClusterID),
		Server:          oneLine(e.Server),
		AccessTokenFrom: []string{},
		FetchedAt:       e.FetchedAt,
		ExpiresAt:       e.ExpiresAt,
		File:            e.Name + ".entry",
	}
	err := e.Err
	for _, a := range i.accounts {
		store, key := a.store(), a.key(e.ClusterID, e.Expiry)
		if !store.IsOf(e, key) {
			continue
		}
		told.AccessTokenFrom = append(told.AccessTokenFrom, a.token.Source)
		if err == nil {
			_, err = store.Get(ctx, key)
		}
	}
	c, now := credential.Credential{FetchedAt: e.FetchedAt, ExpiresAt: e.ExpiresAt}, i.Now()
	switch {
	case err != nil:
		told.State, told.Reason = stateUnusable, oneLine(err.Error())
	case c.Fresh(now):
		told.State = stateFresh
	case c.Valid(now):
		told.State = stateDue
	case now.Before(e.ExpiresAt):
		told.State, told.Reason = stateUnusable, "fetched in the future"
	default:
		told.State = stateExpired
	}
	return told
}

// cachedClusters returns the clusters for which the cache holds a valid credential of the
// account's. A cache that can't be read holds none.
func (a *account) cachedClusters(ctx context.Context) map[digitalocean.ClusterID]bool {
	entries, err := a.entries()
	if err != nil {
		a.log().Info("the cache can't be read", "reason", err)
	}
	store := a.store()
	cached := make(map[digitalocean.ClusterID]bool)
	for _, e := range entries {
		key := a.key(e.ClusterID, e.Expiry)
		if e.Err != nil || !store.IsOf(e, key) {
			continue
		}
		if got, err := store.Get(ctx, key); err == nil && got.Valid(a.Now()) {
			cached[digitalocean.ClusterID(e.ClusterID)] = true
		}
	}
	return cached
}
