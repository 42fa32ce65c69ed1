package kubeconfig

import (
	"regexp"
	"slices"
	"strings"
)

// idOfNamed returns the id of the cluster whose entry has that name, even if only contexts are left that lead to it.
func (c *Config) idOfNamed(name string) string {
	if cluster := c.Cluster(name); cluster != nil {
		return c.IDOf(cluster)
	}
	return c.IDOf(&Cluster{Name: name})
}

// ContextFor returns the context that a user may mean by a name, which may be a cluster's, or "".
func (c *Config) ContextFor(name string) string {
	if c.Context(name) != nil {
		return name
	}
	clusters := c.named(name)
	if len(clusters) != 1 {
		return ""
	}
	leads := func(context Context) bool { return context.Cluster == clusters[0] }
	if context := find(c.Contexts, leads); context != nil {
		return context.Name
	}
	return ""
}

// named returns the names of the cluster entries that a user may mean by a name. One may be missing, with contexts
// that lead to it.
func (c *Config) named(name string) []string {
	if context := c.Context(name); context != nil {
		return []string{context.Cluster}
	}
	if c.Cluster(name) != nil {
		return []string{name}
	}
	doctls := isDoctlsName(name)
	var found []string
	for _, cluster := range c.Clusters {
		if doctls(cluster.Name) || strings.EqualFold(c.IDOf(&cluster), name) {
			found = append(found, cluster.Name)
		}
	}
	for _, context := range c.Contexts {
		if c.Cluster(context.Cluster) != nil || slices.Contains(found, context.Cluster) {
			continue
		}
		if strings.EqualFold(c.idOfNamed(context.Cluster), name) {
			found = append(found, context.Cluster)
		}
	}
	return found
}

// usersNamed returns the user entries for a cluster that a user may mean by a name.
func (c *Config) usersNamed(name string) []User {
	doctls := isDoctlsName(name)
	var users []User
	for _, user := range c.Users {
		if !user.Exec.IsOurs() || user.Exec.clusterID() == "" {
			continue
		}
		cluster := strings.TrimSuffix(user.Name, "-admin")
		if user.Name == name || cluster == name || doctls(cluster) || strings.EqualFold(user.Exec.clusterID(), name) {
			users = append(users, user)
		}
	}
	return users
}

// isDoctlsName returns a function that reports whether an entry is named as doctl names a cluster's.
func isDoctlsName(cluster string) func(string) bool {
	return regexp.MustCompile(`^do-[a-z]+[0-9]+-` + regexp.QuoteMeta(cluster) + `$`).MatchString
}
