package kubeconfig

import (
	"cmp"
	"slices"
)

// Removed reports what was removed.
type Removed struct {
	Contexts, Clusters, Users []string
	ClusterIDs                []string // if known
	Current                   bool     // the current context was among them, and there is none now
	Next                      string   // the current context now, if it was among them and a file sets another
	Uncovered                 []Uncovered
}

// Uncovered is an entry that clients use now, because the entry of that name in an earlier file was removed.
type Uncovered struct {
	Kind    string // "context", "cluster" or "user"
	Name    string
	Path    string // of its file
	Cluster string // the name of a context's cluster
	Server  string // of a cluster
}

// Remove removes a cluster from all files: its entries, all contexts that lead to it, and its users that no other
// context uses. The cluster is named by its id, its name at DigitalOcean, or the name of its entry or of a context.
// Only a part of it may be left, such as a user. Entries of the same name that belong to other clusters stay. The
// error is a *NotFoundError of class NotFound or an *AmbiguousError of class Usage.
func (c *Config) Remove(name string) (Removed, error) {
	g := newGraph(c)
	goal, err := g.lookUp(name)
	if err != nil {
		return Removed{}, err
	}
	r := &removal{graph: g, target: goal, kept: make(map[ref]bool), left: make(map[ref]bool)}
	r.noteUse()
	gone := Removed{}
	if r.id != "" {
		gone.ClusterIDs = []string{r.id}
	}
	clusters := take(clustersList, &gone.Clusters, r.clusters.all, r.hasCluster)
	contexts := take(contextsList, &gone.Contexts, r.contexts.all, r.hasContext)
	users := take(usersList, &gone.Users, r.users.all, r.hasUser)
	r.clearCurrent(&gone)
	c.Clusters, c.hidden.clusters = splitByName(c.files, clusters)
	c.Contexts, c.hidden.contexts = splitByName(c.files, contexts)
	c.Users, c.hidden.users = splitByName(c.files, users)
	gone.Uncovered = r.uncovered(gone)
	return gone, nil
}

// removal finds what is to be removed of a cluster.
type removal struct {
	graph
	target

	kept map[ref]bool // users of contexts that stay
	left map[ref]bool // users of contexts that go
}

// take removes those entries that are to go from their files, and notes their names. It returns the others.
func take[E entry](list string, gone *[]string, entries []E, goes func(E) bool) []E {
	var stay []E
	byFile := make(map[*file][]string)
	for _, entry := range entries {
		if !goes(entry) {
			stay = append(stay, entry)
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
	return stay
}

// hasCluster reports whether a cluster's entry goes. A hidden one of the same name may be another cluster's.
func (r *removal) hasCluster(cluster Cluster) bool {
	if id := r.idOf(cluster); id != "" || r.id != "" && !slices.Contains(r.names, cluster.Name) {
		return r.id != "" && id == r.id
	}
	if !slices.Contains(r.names, cluster.Name) {
		return false
	}
	return !r.clusters.isHidden(cluster) || cluster.Server == r.clusters.visible[cluster.Name].Server
}

// hasContext reports whether a context goes: it leads to an entry that goes, or to one that says nothing of whose it is
// with a user that goes.
func (r *removal) hasContext(context Context) bool {
	cluster, ok := r.clusterOf(context)
	if ok && r.hasCluster(cluster) {
		return true
	}
	if ok && (cluster.id() != "" || r.clusters.isHidden(cluster)) {
		return false
	}
	id := r.userID(context)
	return r.id != "" && id == r.id || !ok && id == "" && slices.Contains(r.names, context.Cluster)
}

// noteUse notes the users of contexts.
func (r *removal) noteUse() {
	for _, context := range r.contexts.all {
		use := r.kept
		if r.hasContext(context) {
			use = r.left
			use[ref{context.file, context.User}] = true // also if an earlier file's hides it
		}
		if user, ok := r.userOf(context); ok {
			use[user.ref()] = true
		}
	}
}

// hasUser reports whether a user goes: no context that stays has it, and one that goes has, or its plugin gets
// credentials for the cluster.
func (r *removal) hasUser(user User) bool {
	own := r.id != "" && user.clusterID() == r.id
	return !r.kept[user.ref()] && (own || r.left[user.ref()])
}

// clearCurrent unsets the current context in each file where it means one that goes.
func (r *removal) clearCurrent(gone *Removed) {
	stays := make(map[ref]bool)
	for _, context := range r.contexts.all {
		stays[context.ref()] = !r.hasContext(context)
	}
	before, cleared := r.CurrentContext, false
	r.CurrentContext = ""
	for _, f := range r.files {
		visible := r.contexts.visible[f.current]
		if slices.Contains(gone.Contexts, f.current) && !stays[ref{f, f.current}] && !stays[visible.ref()] {
			cleared = cleared || r.CurrentContext == "" && f.current == before
			f.setCurrent("")
		}
		r.CurrentContext = cmp.Or(r.CurrentContext, f.current)
	}
	gone.Current = before != "" && r.CurrentContext == ""
	if cleared {
		gone.Next = r.CurrentContext
	}
}

// uncovered returns the entries that have names of removed ones and count now.
func (r *removal) uncovered(gone Removed) []Uncovered {
	var found []Uncovered
	for _, name := range gone.Contexts {
		if e := r.Context(name); e != nil {
			found = append(found, Uncovered{Kind: "context", Name: name, Path: e.file.path, Cluster: e.Cluster})
		}
	}
	for _, name := range gone.Clusters {
		if e := r.Cluster(name); e != nil {
			found = append(found, Uncovered{Kind: "cluster", Name: name, Path: e.file.path, Server: e.Server})
		}
	}
	for _, name := range gone.Users {
		if e := r.User(name); e != nil {
			found = append(found, Uncovered{Kind: "user", Name: name, Path: e.file.path})
		}
	}
	return found
}
