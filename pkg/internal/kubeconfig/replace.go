package kubeconfig

import "slices"

// Replace makes all entries of a cluster that no longer exists, and the users that run this plugin or doctl for it,
// those of another cluster. Contexts stay as they are. The error is that of [Entry.Check].
func (c *Config) Replace(goneID string, e Entry) error {
	if err := e.Check(); err != nil {
		return err
	}
	var clusters, users []string
	g := newGraph(c)
	for _, cluster := range c.Clusters {
		if g.idOf(cluster) == goneID {
			clusters = append(clusters, cluster.Name)
		}
	}
	for _, user := range c.Users {
		if user.Exec.IsOurs() && user.Exec.clusterID() == goneID {
			users = append(users, user.Name)
		}
	}
	for _, name := range slices.Compact(users) {
		c.saveUser(e, name, true)
	}
	for _, name := range slices.Compact(clusters) {
		c.saveCluster(e, name, true)
	}
	return nil
}
