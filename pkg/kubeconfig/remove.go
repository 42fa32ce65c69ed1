package kubeconfig

import (
	"fmt"
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
		ids = append(ids, c.IDOf(c.Cluster(cluster)))
	}
	switch {
	case len(clusters) == 0:
		return Removed{}, &credential.Error{
			Class: credential.NotFound,
			Err:   fmt.Errorf("no kubeconfig entry is of a cluster %q", name),
			Hint:  "'kubectl config get-contexts' shows what there is",
		}
	case len(clusters) > 1 && (ids[0] == "" || len(slices.Compact(slices.Sorted(slices.Values(ids)))) > 1):
		return Removed{}, usageError(fmt.Errorf("%q may be each of these clusters: %s", name, strings.Join(clusters, ", ")),
			"name the one that is meant by its entry or its id")
	}
	gone := Removed{Clusters: clusters}
	if ids[0] != "" {
		gone.ClusterIDs = ids[:1]
	}
	used := make(map[string]bool)
	for _, context := range c.Contexts {
		if !slices.Contains(clusters, context.Cluster) {
			used[context.User] = true
		}
	}
	for _, context := range c.Contexts {
		if !slices.Contains(clusters, context.Cluster) {
			continue
		}
		gone.Contexts = append(gone.Contexts, context.Name)
		if c.User(context.User) != nil && !used[context.User] {
			used[context.User] = true // once
			gone.Users = append(gone.Users, context.User)
		}
	}
	for _, f := range c.files {
		f.remove(clustersList, gone.Clusters)
		f.remove(contextsList, gone.Contexts)
		f.remove(usersList, gone.Users)
		if current, _ := f.meaning["current-context"].(string); slices.Contains(gone.Contexts, current) {
			f.set("", "current-context")
		}
	}
	gone.Current = slices.Contains(gone.Contexts, c.CurrentContext)
	return gone, nil
}

// named returns the names of the cluster entries that a user may mean by a name.
func (c *Config) named(name string) []string {
	if context := c.Context(name); context != nil && c.Cluster(context.Cluster) != nil {
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
	return found
}
