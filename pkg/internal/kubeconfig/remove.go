package kubeconfig

import (
	"cmp"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Removed reports what was removed.
type Removed struct {
	Contexts, Clusters, Users []string
	ClusterIDs                []string // if known
	Current                   bool     // the current context was among them, and there is none now
}

// Remove removes a cluster, all contexts that lead to it, and its users that no other context uses, hidden entries
// included. The cluster is named by its id, its name at DigitalOcean, or the name of its entry or of a context. The
// error is a *NotFoundError of class NotFound or an *AmbiguousError of class Usage. Hidden entries of the same name
// that belong to other clusters stay, and are no longer hidden.
func (c *Config) Remove(name string) (Removed, error) {
	clusters, id, err := c.lookUp(name)
	if err != nil {
		return Removed{}, err
	}
	r := newRemoval(c, clusters, id)
	gone := Removed{}
	if id != "" {
		gone.ClusterIDs = []string{id}
	}
	take(clustersList, &gone.Clusters, r.clusters.all, r.hasCluster)
	take(contextsList, &gone.Contexts, r.contexts.all, r.hasContext)
	r.noteUse()
	take(usersList, &gone.Users, r.users.all, r.hasUser)
	gone.Current = r.clearCurrent(gone.Contexts)
	return gone, nil
}

// lookUp returns the names of the entries of the one cluster that a user may mean by a name, and its id if known.
// Only a user's entry may be left of it.
func (c *Config) lookUp(name string) (clusters []string, id string, err error) {
	clusters = c.named(name)
	var ids []string
	for _, cluster := range clusters {
		ids = append(ids, c.idOfNamed(cluster))
	}
	matches := clusters
	if len(clusters) == 0 {
		for _, user := range c.usersNamed(name) {
			ids, matches = append(ids, user.Exec.clusterID()), append(matches, user.Name)
		}
	}
	switch {
	case len(matches) == 0:
		err := &NotFoundError{name, c.contextNames()}
		return nil, "", &credential.Error{Class: credential.NotFound, Err: err}
	case len(matches) > 1 && (ids[0] == "" || len(slices.Compact(slices.Sorted(slices.Values(ids)))) > 1):
		return nil, "", usageError(&AmbiguousError{name, matches})
	}
	if len(clusters) == 0 {
		clusters = c.named(ids[0]) // contexts may lead to one that is gone
	}
	return clusters, ids[0], nil
}

// removal finds what is to be removed of a cluster.
type removal struct {
	*Config
	names []string // of the cluster's entries
	id    string   // "" if it isn't known

	clusters index[Cluster]
	contexts index[Context]
	users    index[User]

	kept map[ref]bool // users of contexts that stay
	left map[ref]bool // users of contexts that go
}

func newRemoval(c *Config, names []string, id string) *removal {
	return &removal{
		Config: c, names: names, id: id,
		clusters: newIndex(c.Clusters, c.hidden.clusters),
		contexts: newIndex(c.Contexts, c.hidden.contexts),
		users:    newIndex(c.Users, c.hidden.users),
		kept:     make(map[ref]bool),
		left:     make(map[ref]bool),
	}
}

// take removes those entries that are to go from their files, and notes their names.
func take[E entry](list string, gone *[]string, entries []E, goes func(E) bool) {
	byFile := make(map[*file][]string)
	for _, entry := range entries {
		if !goes(entry) {
			continue
		}
		ref := entry.ref()
		byFile[ref.file] = append(byFile[ref.file], ref.name)
		if !slices.Contains(*gone, ref.name) {
			*gone = append(*gone, ref.name)
		}
	}
	for file, names := range byFile {
		file.remove(list, names)
	}
}

// hasCluster reports whether a cluster's entry goes. A hidden one may be another cluster's.
func (r *removal) hasCluster(cluster Cluster) bool {
	named := slices.Contains(r.names, cluster.Name)
	if !r.clusters.isHidden(cluster) {
		return named
	}
	return r.id != "" && cluster.id() == r.id || named && cluster.Server == r.clusters.visible[cluster.Name].Server
}

// hasContext reports whether a context goes: it leads to an entry that goes, or to one that is gone already.
func (r *removal) hasContext(context Context) bool {
	cluster, ok := r.clusters.meant(context, r.contexts.isHidden(context), context.Cluster)
	if !ok {
		return slices.Contains(r.names, context.Cluster)
	}
	return r.hasCluster(cluster)
}

// noteUse notes the users of contexts.
func (r *removal) noteUse() {
	for _, context := range r.contexts.all {
		use := r.kept
		if r.hasContext(context) {
			use = r.left
			use[ref{context.file, context.User}] = true // also if an earlier file's hides it
		}
		if user, ok := r.users.meant(context, r.contexts.isHidden(context), context.User); ok {
			use[user.ref()] = true
		}
	}
}

// hasUser reports whether a user goes: no context that stays has it, and one that goes has, or its plugin gets
// credentials for the cluster.
func (r *removal) hasUser(user User) bool {
	own := r.id != "" && user.Exec.IsOurs() && user.Exec.clusterID() == r.id
	return !r.kept[user.ref()] && (own || r.left[user.ref()])
}

// clearCurrent unsets the current context where a file has one that goes and none of that name that stays. It
// reports whether there is none any more.
func (r *removal) clearCurrent(gone []string) bool {
	stays := make(map[ref]bool)
	for _, context := range r.contexts.all {
		stays[context.ref()] = !r.hasContext(context)
	}
	before := r.CurrentContext
	r.CurrentContext = ""
	for _, f := range r.files {
		visible := r.contexts.visible[f.current]
		if slices.Contains(gone, f.current) && !stays[ref{f, f.current}] && !stays[visible.ref()] {
			f.setCurrent("")
		}
		r.CurrentContext = cmp.Or(r.CurrentContext, f.current)
	}
	return before != "" && r.CurrentContext == ""
}

func (c *Config) contextNames() []string {
	var names []string
	for _, context := range c.Contexts {
		names = append(names, context.Name)
	}
	return names
}
