package cmd

import (
	"cmp"
	"context"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// A cluster that was deleted and created again under its name has another id. Its entry belongs to a cluster that no
// longer exists, and is in the way of the new one's. If the account, by its list, doesn't have the old cluster, and the
// entry gets its credentials from that same account, nothing is lost by replacing it.

// listForReplacing makes sure that the account's clusters are known if an entry is in the way of another cluster's.
func (s *kubeconfigSave) listForReplacing(
	ctx context.Context, c *kubeconfig.Config, account *account, found []kubeconfig.Entry,
) {
	if account.listed != nil || s.force {
		return
	}
	for _, entry := range found {
		if len(inTheWay(c, entry)) > 0 {
			bounded(ctx, s.options, account.clusters) // else the entry isn't replaced
			return
		}
	}
}

// inTheWay returns the ids of the other clusters whose entries have the names that the entry is going to have.
func inTheWay(c *kubeconfig.Config, entry kubeconfig.Entry) []string {
	var ids []string
	add := func(id string) {
		if id != "" && id != entry.ClusterID && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if cluster := c.Cluster(entry.Name); cluster != nil {
		add(c.IDOf(cluster))
	}
	if context := c.Context(cmp.Or(entry.Alias, entry.Name)); context != nil {
		if cluster := c.Cluster(context.Cluster); cluster != nil {
			add(c.IDOf(cluster))
		}
	}
	if user := c.User(entry.Name + "-admin"); user != nil && entry.User == "" {
		add(string(clusterIDOf(user.Exec)))
	}
	return ids
}

// replaceable returns the id of the cluster that the account no longer has, and whose entry is to be replaced; "" if
// there is none, or if something else is in the way, too.
func (s *kubeconfigSave) replaceable(c *kubeconfig.Config, account *account, entry kubeconfig.Entry) string {
	ids := inTheWay(c, entry)
	if len(ids) != 1 || account.listed == nil || s.force {
		return ""
	}
	gone := ids[0]
	has := func(cluster digitalocean.Cluster) bool { return string(cluster.ID) == gone }
	if slices.ContainsFunc(account.listed, has) {
		return ""
	}
	for _, user := range usersOf(c, gone) {
		of, err := s.accountOfEntry(user.Exec)
		if err != nil || !of.Same(account.Account) || of.API != account.API {
			return ""
		}
	}
	if user := c.User(cmp.Or(entry.User, entry.Name+"-admin")); user != nil {
		isOld := user.Exec.IsOurs() && string(clusterIDOf(user.Exec)) == gone
		isShared := entry.User != "" && user.Exec.IsOurs() && user.Exec.CallsAs(entry.Exec)
		if !isOld && !isShared {
			return ""
		}
	}
	return gone
}
