package kubeconfig

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// ContextFor returns the context that a user may mean by a name, which may be a cluster's, or "".
func (c *Config) ContextFor(name string) string {
	if c.Context(name) != nil {
		return name
	}
	g := newGraph(c)
	goal, err := g.lookUp(name)
	if err != nil {
		return ""
	}
	r := removal{graph: g, target: goal}
	if context := find(c.Contexts, r.hasContext); context != nil {
		return context.Name
	}
	return ""
}

// target is a cluster that a user means.
type target struct {
	id    string   // "" if it isn't known
	names []string // of clusters' entries, which may be missing
}

// match is something that a user may mean by a name.
type match struct {
	target
	shown string // how it is called
}

// lookUp returns the one cluster that a user may mean by a name.
func (g *graph) lookUp(name string) (target, error) {
	var matches []match
	for _, find := range []func(string) []match{
		g.contextsNamed, g.clustersNamed, g.visibleNamed, g.hiddenNamed, g.usersNamed,
	} {
		if matches = find(name); len(matches) > 0 {
			break
		}
	}
	ids, shown := make(map[string]bool), make(map[string]bool)
	var goal target
	for _, m := range matches {
		ids[m.id], shown[m.shown] = true, true
		goal = target{m.id, append(goal.names, m.names...)}
	}
	switch {
	case len(matches) == 0:
		err := &NotFoundError{Name: name, Contexts: namesOf(g.Contexts), Clusters: namesOf(g.Clusters)}
		return target{}, &credential.Error{Class: credential.NotFound, Err: err}
	case len(ids) > 1, ids[""] && len(shown) > 1:
		return target{}, usageError(&AmbiguousError{name, slices.Sorted(maps.Keys(shown))})
	}
	return goal, nil
}

// contextsNamed returns what the context of that name leads to.
func (g *graph) contextsNamed(name string) []match {
	context := g.Context(name)
	if context == nil {
		return nil
	}
	cluster, ok := g.clusterOf(*context)
	id := g.idOf(cluster)
	if cluster.id() == "" && g.userID(*context) != "" {
		id = g.userID(*context)
	}
	found := match{target{id: id}, context.Cluster}
	if !ok || g.idOf(cluster) == id { // not a tunnel's that several clusters share
		found.names = []string{context.Cluster}
	}
	return []match{found}
}

// clustersNamed returns the entry of that name, or the contexts that lead to a missing one.
func (g *graph) clustersNamed(name string) []match {
	if cluster := g.Cluster(name); cluster != nil {
		return []match{{target{g.idOf(*cluster), []string{name}}, name}}
	}
	var found []match
	for _, context := range g.contexts.all {
		if _, ok := g.clusterOf(context); !ok && context.Cluster == name && name != "" {
			found = append(found, match{target{g.userID(context), []string{name}}, context.Name})
		}
	}
	return found
}

func (g *graph) visibleNamed(name string) []match { return g.named(name, g.Clusters) }

func (g *graph) hiddenNamed(name string) []match { return g.named(name, g.hidden.clusters) }

// named returns those of the entries that have that id, or are named as doctl names the cluster's.
func (g *graph) named(name string, clusters []Cluster) []match {
	doctls := isDoctlsName(name)
	var found []match
	for _, cluster := range clusters {
		if id := g.idOf(cluster); doctls(cluster.Name) || strings.EqualFold(id, name) && name != "" {
			found = append(found, match{target{id, []string{cluster.Name}}, cluster.Name})
		}
	}
	return found
}

// usersNamed returns the clusters of users that a user may mean by a name.
func (g *graph) usersNamed(name string) []match {
	doctls := isDoctlsName(name)
	var found []match
	for _, user := range g.users.all {
		id := user.clusterID()
		if id == "" {
			continue
		}
		cluster := strings.TrimSuffix(user.Name, "-admin")
		if user.Name == name || cluster == name || doctls(cluster) || strings.EqualFold(id, name) {
			found = append(found, match{target{id: id}, user.Name})
		}
	}
	return found
}

// isDoctlsName returns a function that reports whether an entry is named as doctl names a cluster's.
func isDoctlsName(cluster string) func(string) bool {
	return regexp.MustCompile(`^do-[a-z]+[0-9]+-` + regexp.QuoteMeta(cluster) + `$`).MatchString
}

func namesOf[E entry](entries []E) []string {
	var names []string
	for _, e := range entries {
		names = append(names, e.ref().name)
	}
	return names
}
