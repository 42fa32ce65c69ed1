package cmd

import (
	"context"
	"reflect"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// listing is an account with all of its clusters.
type listing struct {
	account  *accounts.Account
	clusters []digitalocean.Cluster
}

// cluster returns the cluster with an id, or nil.
func (l *listing) cluster(id digitalocean.ClusterID) *digitalocean.Cluster {
	i := slices.IndexFunc(l.clusters, func(c digitalocean.Cluster) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &l.clusters[i]
}

// checkListed reports contexts whose clusters the account doesn't have any more. It looks only at users that use the
// account. The context that is checked has a finding of its own.
func (d *doctor) checkListed(context.Context) []finding {
	if d.listed == nil {
		return nil
	}
	var gone []string
	for _, context := range d.config.Contexts {
		cluster, user := d.config.Cluster(context.Cluster), d.config.User(context.User)
		if cluster == nil || user == nil || context.Name == contextName(d.config, d.args) || !d.usesAccount(user.Exec) {
			continue
		}
		id, err := digitalocean.ParseClusterID(d.config.IDOf(cluster))
		if err == nil && d.listed.cluster(id) == nil {
			gone = append(gone, context.Name)
		}
	}
	switch len(gone) {
	case 0:
		return nil
	case 1:
		return []finding{warning("kubeconfig", removeHint(gone[0]),
			"the cluster of context %q isn't in the account any more", gone[0])}
	}
	return []finding{warning("kubeconfig", "'doks-auth kubeconfig prune' removes them",
		"the clusters of %d contexts aren't in the account any more: %s", len(gone), quotedSome(gone))}
}

// usesAccount reports whether a user's entry uses the account that is checked.
func (d *doctor) usesAccount(entry *kubeconfig.Exec) bool {
	if !entry.IsOurs() || entry.Program() == "doctl" {
		return false
	}
	by, _, err := d.parseEntry(entry)
	if err != nil {
		return false
	}
	var env []map[string]string
	if d.entry != nil {
		env = d.entry.Env
	}
	return by.login == d.acting.login && by.context == d.acting.context && by.tokenFile == d.acting.tokenFile &&
		by.apiURL == d.acting.apiURL && (len(env)+len(entry.Env) == 0 || reflect.DeepEqual(env, entry.Env))
}

// checkState returns a finding if the account says that a cluster can't be used. name is its context's, or "".
func (d *doctor) checkState(id digitalocean.ClusterID, of *account, name string) *finding {
	if d.listed == nil || !of.Same(d.listed.account) || of.API != d.listed.account.API {
		return nil
	}
	cluster := d.listed.cluster(id)
	switch {
	case cluster == nil:
		hint := "'doks-auth cluster list' shows the clusters that the account has"
		if name != "" {
			hint = removeHint(name)
		}
		f := failuref("cluster", hint, "%s isn't in the account any more (%s)", id, of.Source)
		return &f
	case cluster.State == "provisioning":
		f := failuref("cluster", "wait until 'doks-auth cluster list' shows it as running",
			"%s is provisioning: it has no credentials yet", id)
		return &f
	}
	return nil
}

// removeHint says how to remove a context's cluster from the kubeconfig.
func removeHint(context string) string {
	return shellword.Command("doks-auth kubeconfig remove "+shellword.Quote(context, "NAME")) + " removes it"
}
