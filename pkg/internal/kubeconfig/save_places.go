package kubeconfig

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// nameFor returns the name of the cluster's entry that an entry is to be saved under: the one that the cluster has
// already, if any. taken has the ids of the clusters that were saved before it, by the names of their entries.
func (c *Config) nameFor(e Entry, taken map[string]string) string {
	if name := c.ownName(e); name != "" {
		return name
	}
	id, isTaken := taken[e.Name]
	switch {
	case isTaken && id != e.ClusterID && e.Alias == "":
		return e.Name + "-" + e.ClusterID[:min(len(e.ClusterID), len("8d91899c"))]
	case c.clusterConflict(e, e.Name) != nil:
		return cmp.Or(e.Alias, e.Name)
	}
	return e.Name
}

// ownName returns the name of the entry that the cluster has, or "". Of several it is the one of that name or else that
// of the alias.
func (c *Config) ownName(e Entry) string {
	if cluster := c.Cluster(e.Name); cluster != nil && c.owns(e, cluster) {
		return e.Name
	}
	if context := c.Context(e.Alias); context != nil {
		if cluster := c.Cluster(context.Cluster); cluster != nil && c.owns(e, cluster) {
			return cluster.Name
		}
	}
	if own := find(c.Clusters, func(cluster Cluster) bool { return c.owns(e, &cluster) }); own != nil {
		return own.Name
	}
	return ""
}

// owns reports whether a cluster's entry is that of the entry's cluster. A tunnel's isn't, unless it has the cluster's
// name: its server isn't to be replaced.
func (c *Config) owns(e Entry, cluster *Cluster) bool {
	isSame := func() bool { return (credential.Credential{Server: e.Server}).CheckServer(cluster.Server) == nil }
	if id := c.IDOf(cluster); id != "" {
		return id == e.ClusterID && (cluster.id() == id || cluster.Name == e.Name || isSame())
	}
	return isSame()
}

// clustersFor returns the names of the clusters' entries that are to be updated.
func clustersFor(e Entry, places []Saved) []string {
	names := []string{e.Name}
	for _, p := range places {
		if !slices.Contains(names, p.Cluster) {
			names = append(names, p.Cluster)
		}
	}
	return names
}

// placesFor returns the contexts that are to be updated, with their clusters and users, or the one that is to be added.
func (c *Config) placesFor(e Entry) []Saved {
	if e.Alias != "" {
		return []Saved{{e.Alias, e.Name, c.userFor(e, c.Context(e.Alias))}}
	}
	var places []Saved
	for _, context := range c.Contexts {
		cluster := c.Cluster(context.Cluster)
		if cluster != nil && c.owns(e, cluster) && c.hasOwnUser(e, context) {
			places = append(places, Saved{context.Name, context.Cluster, c.userFor(e, &context)})
		}
	}
	if len(places) == 0 {
		return []Saved{{e.Name, e.Name, c.userFor(e, nil)}}
	}
	isNamed := func(p Saved) bool { return p.Context == e.Name }
	if i := slices.IndexFunc(places, isNamed); i > 0 {
		places[0], places[i] = places[i], places[0]
	}
	return places
}

// hasOwnUser reports whether a context of the cluster has a user that is to be updated: one for this plugin or doctl,
// a token that doctl wrote, or none at all. Others, such as service accounts, are somebody's own.
func (c *Config) hasOwnUser(e Entry, context Context) bool {
	user := c.User(context.User)
	switch {
	case user == nil:
		return true
	case user.Exec == nil:
		return user.Name == e.Name+userSuffix || user.Name == context.Cluster+userSuffix
	}
	return user.Exec.IsOurs() && (user.clusterID() == "" || user.clusterID() == e.ClusterID)
}

const userSuffix = "-admin"

// userFor returns the name of a context's user: the one that it has already, if that is for the cluster.
func (c *Config) userFor(e Entry, context *Context) string {
	if e.User != "" {
		return e.User
	}
	if context != nil {
		if user := c.User(context.User); user != nil && user.clusterID() == e.ClusterID {
			return user.Name
		}
	}
	return e.Name + userSuffix
}

// conflict reports the first entry that is in the way.
func (c *Config) conflict(e Entry, places []Saved) error {
	if err := c.clusterConflict(e, e.Name); err != nil {
		return err
	}
	for _, p := range places {
		if err := cmp.Or(c.contextConflict(e, p), c.userConflict(e, p)); err != nil {
			return err
		}
	}
	return nil
}

// clusterConflict reports a cluster's entry of that name that belongs to another cluster.
func (c *Config) clusterConflict(e Entry, name string) error {
	old := c.Cluster(name)
	if old == nil || c.IDOf(old) == e.ClusterID {
		return nil
	}
	if (credential.Credential{Server: e.Server}).CheckServer(old.Server) == nil {
		return nil
	}
	return &ConflictError{e.ClusterID, "cluster entry", name, "for server " + show.URL(old.Server), c.IDOf(old)}
}

// contextConflict reports a context of the same name that leads to another cluster.
func (c *Config) contextConflict(e Entry, p Saved) error {
	old := c.Context(p.Context)
	if old == nil || old.Cluster == p.Cluster {
		return nil
	}
	id := ""
	if cluster := c.Cluster(old.Cluster); cluster != nil {
		id = c.IDOf(cluster)
	}
	if id == e.ClusterID {
		return nil
	}
	return &ConflictError{e.ClusterID, "context", old.Name, fmt.Sprintf("for cluster %q", old.Cluster), id}
}

// userConflict reports a user of the same name that belongs to another cluster or, where clusters share a user,
// one with another access token.
func (c *Config) userConflict(e Entry, p Saved) error {
	old := c.User(p.User)
	if old == nil {
		return nil
	}
	own := slices.ContainsFunc(c.Contexts, func(context Context) bool {
		return context.User == p.User && context.Cluster == p.Cluster
	})
	switch {
	case e.User != "" && old.Exec.IsOurs() && old.Exec.CallsAs(e.Exec):
		return nil
	case e.User == "" && old.clusterID() == e.ClusterID:
		return nil
	case e.User == "" && old.Exec == nil && own: // doctl's, with a token
		return nil
	}
	return &ConflictError{e.ClusterID, "user", p.User, "with other credentials", old.clusterID()}
}
