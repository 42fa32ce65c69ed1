package cmd

import (
	"errors"
	"slices"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// nameOf returns what the user calls a cluster: the id, unless it was named otherwise.
func (a *account) nameOf(id digitalocean.ClusterID) string {
	if name, ok := a.called.Load(id); ok {
		return name.(string)
	}
	return string(id)
}

// nameOfText is nameOf for an id in a text.
func (a *account) nameOfText(id string) string { return a.nameOf(digitalocean.ClusterID(id)) }

// accountFlags returns the flags by which the user chose the account, as a part of a command in a hint: with another
// account it would be about another cluster.
func (o *options) accountFlags() string {
	var flags strings.Builder
	for _, flag := range []struct{ name, value, placeholder string }{
		{"--token-file", o.tokenFile, "FILE"}, {"--account", o.login, "NAME"}, {"--context", o.context, "NAME"},
	} {
		if flag.value != "" {
			flags.WriteString(" " + flag.name + " " + shellword.Quote(flag.value, flag.placeholder))
		}
	}
	return flags.String()
}

// callByName makes messages name clusters by their names, unless several have one.
func (a *account) callByName(clusters []digitalocean.Cluster) {
	times := make(map[string]int)
	for _, cluster := range clusters {
		times[cluster.Name]++
	}
	for _, cluster := range clusters {
		if cluster.Name != "" && times[cluster.Name] == 1 {
			a.called.Store(cluster.ID, cluster.Name)
		}
	}
}

// suggest adds to an error about a name the names that the user may have meant: of clusters, also if one of the
// kubeconfig's contexts for them was named.
func (a *account) suggest(err error, name string, clusters []digitalocean.Cluster) error {
	if e, ok := errors.AsType[*digitalocean.NameError](err); !ok || len(e.IDs) > 0 {
		return a.explain(err)
	}
	config := a.knownConfig()
	called := make(map[string]string) // clusters, by what they may be called
	var names []string
	for _, cluster := range clusters {
		all := append([]string{cluster.Name, defaultName(cluster)}, config.ContextsOf(string(cluster.ID))...)
		for _, alias := range all {
			if _, ok := called[alias]; !ok {
				called[alias] = cluster.Name
				names = append(names, alias)
			}
		}
	}
	var clusterNames []string
	for _, alias := range meant(name, names) {
		if !slices.Contains(clusterNames, called[alias]) && isShown(called[alias]) {
			clusterNames = append(clusterNames, called[alias])
		}
	}
	if hint := didYouMean(clusterNames); hint != "" {
		return advise(credential.NotFound, err, hint)
	}
	return a.explain(err)
}

// defaultName returns the name that a cluster's entry in a kubeconfig has by default, which is doctl's.
func defaultName(cluster digitalocean.Cluster) string {
	return "do-" + cluster.Region + "-" + cluster.Name
}
