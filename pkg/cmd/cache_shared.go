package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/sharedcache"
)

// What is in a shared cache can't be read by whoever doesn't know for which account, cluster and lifetime it is. So the
// commands look for what they can name: the accounts that are found here, with the clusters of the kubeconfig and of the
// local cache, and those that the user names.

// sharedCache is the shared cache as the commands show it.
type sharedCache struct {
	*inventory

	config  *kubeconfig.Config
	server  *sharedcache.Server
	address sharedcache.Address
	names   map[string]bool // of all credentials there, whoever they belong to
	cut     bool            // there are more names
	wanted  []wanted
}

// wanted is a cluster, and a lifetime of its credentials.
type wanted struct {
	id     string
	expiry time.Duration
}

// sharedEntry is a credential in the shared cache.
type sharedEntry struct {
	wanted
	owner owner
	store *sharedcache.Store
	key   credential.Key
}

// openShared opens the shared cache, and lists what is there. ids and expiry are what the user names.
func (o *options) openShared(
	ctx context.Context, ids []digitalocean.ClusterID, expiry time.Duration,
) (*sharedCache, error) {
	server := o.sharedServer()
	if server == nil {
		return nil, advise(credential.Usage, errors.New("there is no shared cache"),
			"set "+sharedVar+", or give --shared-cache-file")
	}
	address, err := server.Address()
	if err != nil {
		return nil, err
	}
	server.Retry()
	names, all, err := server.Names(ctx)
	if err != nil {
		return nil, advise(credential.Unreachable, err, "credentials are fetched without it meanwhile; "+
			"'doks-auth doctor' examines it")
	}
	s := &sharedCache{
		inventory: newInventory(o), config: o.knownConfig(), server: server, address: address, names: names, cut: !all,
	}
	for _, id := range ids {
		s.want(string(id), expiry)
	}
	s.wantKnown(expiry)
	return s, nil
}

// wantKnown adds the clusters of the kubeconfig and the local cache, with all lifetimes that are known for any.
func (s *sharedCache) wantKnown(expiry time.Duration) {
	expiries := []time.Duration{0, expiry}
	for _, user := range s.config.Users {
		if !user.Exec.IsOurs() {
			continue
		}
		if entry, _, err := s.parseEntry(user.Exec); err == nil {
			expiries = append(expiries, entry.fetch.expiry())
		}
	}
	entries, _ := s.entries() // none is fine
	for _, e := range entries {
		expiries = append(expiries, e.Expiry)
		s.want(e.ClusterID, e.Expiry)
	}
	for i := range s.config.Clusters {
		s.want(s.config.IDOf(&s.config.Clusters[i]), 0)
	}
	slices.Sort(expiries)
	for _, w := range slices.Clone(s.wanted) {
		for _, expiry := range slices.Compact(expiries) {
			s.want(w.id, expiry)
		}
	}
}

func (s *sharedCache) want(id string, expiry time.Duration) {
	parsed, err := digitalocean.ParseClusterID(id)
	if w := (wanted{string(parsed), expiry}); err == nil && !slices.Contains(s.wanted, w) {
		s.wanted = append(s.wanted, w)
	}
}

// found returns what is there of what is wanted, ordered by cluster.
func (s *sharedCache) found(ctx context.Context) []sharedEntry {
	var found []sharedEntry
	for _, owner := range s.owners {
		if owner.account == nil {
			continue // sessions for single sign-on are each machine's own
		}
		for _, w := range s.wanted {
			identity, key, known := owner.account.keyOf(w.id, w.expiry)
			if !known {
				continue
			}
			store := s.server.For(identity)
			if s.names[store.NameOf(key)] || s.cut && !isAbsent(store.Get(ctx, key)) {
				found = append(found, sharedEntry{w, owner, store, key})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b sharedEntry) int { return cmp.Compare(a.id, b.id) })
	return found
}

func isAbsent(_ credential.Credential, err error) bool {
	miss, ok := errors.AsType[*credential.MissError](err)
	return ok && miss.Reason == "absent"
}

// listShared returns the credentials in the shared cache that belong to accounts found here.
func (l *cacheList) listShared(ctx context.Context) ([]cachedCredential, error) {
	s, err := l.openShared(ctx, nil, l.fetch.expiry())
	if err != nil {
		return nil, fmt.Errorf("listing the shared cache: %w", err)
	}
	listed := []cachedCredential{}
	seen := make(map[string]int) // the place in listed, by name
	for _, e := range s.found(ctx) {
		name := e.store.NameOf(e.key)
		if at, ok := seen[name]; ok {
			listed[at].AccessTokenFrom = append(listed[at].AccessTokenFrom, e.owner.name)
			continue
		}
		described := cachedCredential{ClusterID: e.id, Contexts: s.config.ContextsOf(e.id),
			AccessTokenFrom: []string{e.owner.name}, File: name}
		got, err := e.store.Get(ctx, e.key)
		if err != nil {
			described.State, described.Reason = stateUnusable, oneLine(err.Error())
		} else {
			described.Server, described.FetchedAt, described.ExpiresAt = oneLine(got.Server), got.FetchedAt, got.ExpiresAt
			described.State, described.Reason = freshness(got, l.Now())
		}
		seen[name] = len(listed)
		listed = append(listed, described)
	}
	if others := len(s.names) - len(listed); others > 0 {
		fmt.Fprintf(l.Stderr, "%d more in the shared cache, for other accounts, clusters or lifetimes.\n", others)
	}
	return listed, nil
}

// clearShared removes the credentials of clusters, or all, of the accounts found here from the shared cache. It returns
// a line for each.
func (c *cacheClear) clearShared(ctx context.Context, args []string) (string, error) {
	ids, err := c.namedClusters(ctx, args)
	if err != nil {
		return "", err
	}
	s, err := c.openShared(ctx, ids, c.fetch.expiry())
	if err != nil {
		return "", fmt.Errorf("clearing the shared cache: %w", err)
	}
	var removed strings.Builder
	for _, e := range s.found(ctx) {
		if !c.all && !slices.Contains(ids, digitalocean.ClusterID(e.id)) {
			continue
		}
		gone, err := e.store.Drop(e.key)
		if err != nil {
			return removed.String(), fmt.Errorf("removing the credential for cluster %q from the shared cache: %w", e.id, err)
		}
		if gone {
			fmt.Fprintf(&removed, "credential for cluster %q removed from the shared cache (access token from %s)\n",
				e.id, e.owner.name)
		}
	}
	return removed.String(), nil
}
