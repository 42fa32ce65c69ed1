package cmd

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
)

// The states of a cached credential.
const (
	stateFresh    = "fresh"
	stateDue      = "due-for-renewal" // still valid; the next use renews it
	stateExpired  = "expired"
	stateUnusable = "unusable"
	stateRevoking = "revoking" // no longer used: it may be revoked
)

// cachedCredential is an entry of the cache as the commands show it. Its texts are safe to print.
type cachedCredential struct {
	ClusterID       string    `json:"cluster_id"` // "" if it can't be read
	Contexts        []string  `json:"contexts"`   // in the kubeconfig, where they are asked for
	Server          string    `json:"server"`
	AccessTokenFrom []string  `json:"access_token_from"` // sources of the access token, or the session, that it belongs to
	FetchedAt       time.Time `json:"fetched_at,omitzero"`
	ExpiresAt       time.Time `json:"expires_at,omitzero"`
	State           string    `json:"state"`
	Reason          string    `json:"reason,omitempty"` // why it is unusable
	File            string    `json:"file"`
}

// inventory describes cache entries: their state, and whose they are.
type inventory struct {
	*options

	owners []owner
}

// owner is whose entries are: an account, or a session for single sign-on.
type owner struct {
	name    string
	account *account // nil for a session for single sign-on

	// entryOf returns the cache and the key of the owner's credential for a cluster, if it can have one.
	entryOf func(id string, expiry time.Duration) (*cachedir.Dir, credential.Key, bool)
}

// newInventory returns an inventory that knows all access tokens and sessions that can be found. There may be none.
func newInventory(o *options) *inventory {
	i := &inventory{options: o}
	for _, a := range o.accounts() {
		i.owners = append(i.owners, owner{a.Source, a, a.entryOf})
	}
	for _, s := range o.sessions().All() {
		i.owners = append(i.owners, o.ssoOwner(s))
	}
	return i
}

// isOf reports whether an entry is one of the owner's.
func (w owner) isOf(e cachedir.Entry) bool {
	dir, key, known := w.entryOf(e.ClusterID, e.Expiry)
	return known && dir.IsOf(e, key)
}

// isOwned reports whether an entry is one of the owners'.
func (i *inventory) isOwned(e cachedir.Entry) bool {
	return slices.ContainsFunc(i.owners, func(w owner) bool { return w.isOf(e) })
}

const noPlaceHint = "give --cache-dir, or set " + cachedir.EnvVar

// entries returns the cache's entries.
func (o *options) entries() ([]cachedir.Entry, error) {
	path := o.cachePath()
	if path == "" {
		return nil, advise(credential.Usage, errors.New("there is no place for a cache without a home directory"),
			noPlaceHint)
	}
	return cachedir.List(path)
}

// describe describes an entry. If it belongs to one of the access tokens, describe decrypts it, because anybody
// could have written the header.
func (i *inventory) describe(ctx context.Context, e cachedir.Entry) cachedCredential {
	described := cachedCredential{
		ClusterID:       oneLine(e.ClusterID),
		Server:          oneLine(e.Server),
		Contexts:        []string{},
		AccessTokenFrom: []string{},
		FetchedAt:       e.FetchedAt,
		ExpiresAt:       e.ExpiresAt,
		File:            e.File(),
	}
	err := e.Err
	for _, owner := range i.owners {
		if !owner.isOf(e) {
			continue
		}
		described.AccessTokenFrom = append(described.AccessTokenFrom, owner.name)
		if dir, key, _ := owner.entryOf(e.ClusterID, e.Expiry); err == nil {
			_, err = dir.Read(ctx, e, key)
		}
	}
	c, now := credential.Credential{FetchedAt: e.FetchedAt, ExpiresAt: e.ExpiresAt}, i.Now()
	switch {
	case err != nil:
		described.State, described.Reason = stateUnusable, oneLine(err.Error())
	case e.Aside && now.Before(e.ExpiresAt):
		described.State = stateRevoking
	default:
		described.State, described.Reason = freshness(c, now)
	}
	return described
}

// freshness returns the state of a credential that can be read, and why it is unusable.
func freshness(c credential.Credential, now time.Time) (state, reason string) {
	switch {
	case c.Fresh(now):
		return stateFresh, ""
	case c.Valid(now):
		return stateDue, ""
	case now.Before(c.ExpiresAt):
		return stateUnusable, "fetched in the future"
	}
	return stateExpired, ""
}

// cachedClusters returns the clusters for which the cache holds a valid credential of the account. A cache that
// can't be read holds none.
func (a *account) cachedClusters(ctx context.Context) map[digitalocean.ClusterID]bool {
	entries, err := a.entries()
	if err != nil {
		a.log().Info("the cache can't be read", "reason", err)
	}
	cached := make(map[digitalocean.ClusterID]bool)
	for _, e := range entries {
		store, key, known := a.entryOf(e.ClusterID, e.Expiry)
		if e.Err != nil || !known || !store.IsOf(e, key) {
			continue
		}
		if got, err := store.Get(ctx, key); err == nil && got.Valid(a.Now()) {
			cached[digitalocean.ClusterID(e.ClusterID)] = true
		}
	}
	return cached
}
