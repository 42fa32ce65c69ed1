package kubeconfig

import (
	"regexp"
	"slices"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Removed tells what was removed.
type Removed struct {
	Contexts, Clusters, Users []string
	ClusterIDs                []string // as far as they are known
	Current                   bool     // the current context was among them; there is none now
}

// Remove takes out the entries of a cluster that is named by its id, its name with DigitalOcean, or the
// name of its entry or of a context that leads to it: the cluster's, all contexts that lead to it, and
// their users that nobody else uses. A name that isn't there is an error of class NotFound; one that
// several clusters bear is one of class Usage.
func (c *Config) Remove(name string) (Removed, error) {
	clusters := c.named(name)
	ids := make([]string, 0, len(clusters))
	for _, cluster := range clusters {
		ids = append(ids, c.idOfNamed(cluster))
	}
	switch {
	case len(clusters) == 0:
		return Removed{}, &credential.Error{Class: credential.NotFound, Err: &NotFoundError{name, c.contextNames()}}
	case len(clusters) > 1 && (ids[0] == "" || len(slices.Compact(slices.Sorted(slices.Values(ids)))) > 1):
		return Removed{}, usageError(&AmbiguousError{name, clusters})
	}
	gone := Removed{}
	for _, cluster := range clusters {
		if c.Cluster(cluster) != nil {
			gone.Clusters = append(gone.Clusters, cluster)
		}
	}
	if ids[0] != "" {
		gone.ClusterIDs = ids[:1]
	}
	// A hidden context goes too, unless its file has another cluster in mind.
	hidden, kept := split(c.hiddenContexts, func(context Context) bool {
		return slices.Contains(clusters, context.Cluster) && !slices.ContainsFunc(c.hiddenClusters, func(cluster Cluster) bool {
			return cluster.file == context.file && cluster.Name == context.Cluster
		})
	})
	contexts, others := split(c.Contexts, func(context Context) bool { return slices.Contains(clusters, context.Cluster) })
	used := make(map[string]bool)
	for _, context := range slices.Concat(others, kept) {
		used[context.User] = true
	}
	for _, context := range contexts {
		gone.Contexts = append(gone.Contexts, context.Name)
		if c.User(context.User) != nil && !used[context.User] {
			used[context.User] = true // once
			gone.Users = append(gone.Users, context.User)
		}
	}
	for _, f := range c.files {
		// An entry of the same name in another file is hidden, and may be anything.
		f.remove(clustersList, in(f, gone.Clusters, c.Cluster))
		names := in(f, gone.Contexts, c.Context)
		for _, context := range hidden {
			if context.file == f {
				names = append(names, context.Name)
			}
		}
		f.remove(contextsList, names)
		f.remove(usersList, in(f, gone.Users, c.User))
		if current, _ := f.meaning["current-context"].(string); slices.Contains(gone.Contexts, current) {
			f.set("", "current-context")
		}
	}
	gone.Current = slices.Contains(gone.Contexts, c.CurrentContext)
	return gone, nil
}

func (c *Config) contextNames() []string {
	var names []string
	for _, context := range c.Contexts {
		names = append(names, context.Name)
	}
	return names
}

// split returns the entries of which something is true, and the others.
func split[E any](entries []E, is func(E) bool) (are, others []E) {
	for _, e := range entries {
		if is(e) {
			are = append(are, e)
		} else {
			others = append(others, e)
		}
	}
	return are, others
}

// in returns those names whose entries stand in a file.
func in[E interface{ inFile() *file }](f *file, names []string, entry func(string) *E) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		e := entry(name)
		return e == nil || (*e).inFile() != f
	})
}

func (c Cluster) inFile() *file { return c.file }
func (c Context) inFile() *file { return c.file }
func (u User) inFile() *file    { return u.file }

// idOfNamed returns the id of the cluster whose entry has that name, also when the entry is gone and
// only contexts lead to it.
func (c *Config) idOfNamed(name string) string {
	if cluster := c.Cluster(name); cluster != nil {
		return c.IDOf(cluster)
	}
	return c.IDOf(&Cluster{Name: name})
}

// ContextFor returns the context that a user means by a name, which may be a cluster's, or "".
func (c *Config) ContextFor(name string) string {
	if c.Context(name) != nil {
		return name
	}
	clusters := c.named(name)
	if len(clusters) != 1 {
		return ""
	}
	if context := find(c.Contexts, func(context Context) bool { return context.Cluster == clusters[0] }); context != nil {
		return context.Name
	}
	return ""
}

// named returns the names of the cluster entries that a user may mean by a name. Contexts may lead to
// one that isn't there.
func (c *Config) named(name string) []string {
	if context := c.Context(name); context != nil {
		return []string{context.Cluster}
	}
	if c.Cluster(name) != nil {
		return []string{name}
	}
	doctls := regexp.MustCompile(`^do-[a-z]+[0-9]+-` + regexp.QuoteMeta(name) + `$`)
	var found []string
	for _, cluster := range c.Clusters {
		if doctls.MatchString(cluster.Name) || strings.EqualFold(c.IDOf(&cluster), name) {
			found = append(found, cluster.Name)
		}
	}
	for _, context := range c.Contexts {
		if c.Cluster(context.Cluster) == nil && strings.EqualFold(c.idOfNamed(context.Cluster), name) && !slices.Contains(found, context.Cluster) {
			found = append(found, context.Cluster)
		}
	}
	return found
}
