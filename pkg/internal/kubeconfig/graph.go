package kubeconfig

import (
	"maps"
	"slices"
)

// graph finds what contexts lead to, in all files.
type graph struct {
	*Config
	clusters index[Cluster]
	contexts index[Context]
	users    index[User]

	inferred map[ref]string // the ids of visible clusters that only the users of all their contexts tell
}

func newGraph(c *Config) graph {
	g := graph{
		Config:   c,
		clusters: newIndex(c.Clusters, c.hidden.clusters),
		contexts: newIndex(c.Contexts, c.hidden.contexts),
		users:    newIndex(c.Users, c.hidden.users),
		inferred: make(map[ref]string),
	}
	for _, context := range g.contexts.all {
		cluster, ok := g.clusterOf(context)
		if !ok || g.clusters.isHidden(cluster) {
			continue
		}
		id := g.userID(context)
		if before, known := g.inferred[cluster.ref()]; known && before != id {
			id = "" // a tunnel's entry that several clusters share, or somebody else's with a context of ours
		}
		g.inferred[cluster.ref()] = id
	}
	return g
}

func (g *graph) clusterOf(context Context) (Cluster, bool) {
	return g.clusters.meant(context, g.contexts.isHidden(context), context.Cluster)
}

func (g *graph) userOf(context Context) (User, bool) {
	return g.users.meant(context, g.contexts.isHidden(context), context.User)
}

// userID returns the id of the cluster that a context's user gets credentials for, or "".
func (g *graph) userID(context Context) string {
	user, _ := g.userOf(context)
	return user.clusterID()
}

// idOf returns the id of an entry's cluster, or "".
func (g *graph) idOf(cluster Cluster) string {
	if id := cluster.id(); id != "" {
		return id
	}
	return g.inferred[cluster.ref()]
}

// clusterID returns the id of the cluster that the user's plugin gets credentials for, or "".
func (u User) clusterID() string {
	if !u.Exec.IsOurs() {
		return ""
	}
	return u.Exec.clusterID()
}

// ClusterIDs returns the ids of all clusters that the files have an entry, a context or a user for, sorted.
func (c *Config) ClusterIDs() []string {
	g := newGraph(c)
	ids := make(map[string]bool)
	for _, cluster := range g.clusters.all {
		ids[g.idOf(cluster)] = true
	}
	for _, user := range g.users.all {
		ids[user.clusterID()] = true
	}
	delete(ids, "")
	return slices.Sorted(maps.Keys(ids))
}
