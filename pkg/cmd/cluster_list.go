package cmd

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
)

// newCluster returns the commands about clusters.
func newCluster(opts *options) *cobra.Command {
	return newGroup("cluster", "Show the clusters of an account", newClusterList(opts))
}

// clusterList is the command that lists an account's clusters.
type clusterList struct {
	*options

	output *output
}

// listedCluster is a cluster as the command prints it.
type listedCluster struct {
	digitalocean.Cluster
	Contexts []string `json:"contexts"`
	Cached   bool     `json:"cached"`
	Current  bool     `json:"current"` // it is the current context's
}

func newClusterList(opts *options) *cobra.Command {
	l := &clusterList{options: opts}
	cmd := &cobra.Command{
		Use:        "list",
		SuggestFor: []string{"get"},
		Aliases:    []string{"ls"},
		Short:      "List the clusters of an account",
		Long: `list prints all clusters that the access token can see. For each it shows the kubeconfig's contexts
that point to it, and whether a valid credential is cached. A * marks the cluster of the current context.

A table fits the terminal, or 80 columns without one: what doesn't fit has an ellipsis in its middle.
'-o wide' shortens nothing, and adds the version, the id and the server. '-o name' prints what other commands
take: names, and ids of clusters that share their name with another.

The access token needs the scope kubernetes:read. No credential is fetched.`,
		Example: `  doks-auth cluster list
  doks-auth cluster list -o wide
  doks-auth cluster list -o jsonpath='{[*].id}'
  doks-auth cluster list -o json | jq -r '.[] | select(.cached) | .name'`,
		Args: usageArgs(noArgs),
		RunE: opts.prints(func(ctx context.Context, _ []string) ([]byte, error) {
			clusters, err := l.list(ctx)
			if err != nil {
				return nil, err
			}
			if len(clusters) == 0 && (l.output.isTable() || l.output.format == formatName) {
				_, err = io.WriteString(l.Stderr, "No clusters found.\n")
				return nil, err
			}
			return l.output.render(clusters, func(w io.Writer) { l.write(w, clusters) })
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	l.output = opts.addListFlags(cmd, formatTable, formatWide, formatJSON, formatYAML, formatName, formatJSONPath)
	return cmd
}

// list returns the clusters of the account. The result isn't nil.
func (l *clusterList) list(ctx context.Context) ([]listedCluster, error) {
	account, err := l.account()
	if err != nil {
		return nil, err
	}
	clusters, err := account.clusters(ctx)
	if err != nil {
		return nil, err
	}
	config, cached := l.knownConfig(), account.cachedClusters(ctx)
	current := digitalocean.ClusterID(contextsCluster(config, config.CurrentContext))
	listed := make([]listedCluster, len(clusters))
	for i, cluster := range clusters {
		listed[i] = listedCluster{
			Cluster:  cluster,
			Contexts: append([]string{}, config.ContextsOf(string(cluster.ID))...),
			Cached:   cached[cluster.ID],
			Current:  cluster.ID == current,
		}
	}
	return listed, nil
}

// write writes the clusters for people, or their names.
func (l *clusterList) write(w io.Writer, clusters []listedCluster) {
	if l.output.format == formatName {
		for _, name := range namesOf(clusters) {
			row(w, name)
		}
		return
	}
	t := table{
		header:   []string{"NAME", "REGION", "STATUS", "CONTEXT", "CACHED"},
		shortens: []int{3, 0, 2, 1},
		least:    map[int]int{3: 12, 0: 20},
	}
	if l.output.format == formatWide {
		t.header = append(t.header, "VERSION", "ID", "SERVER")
	}
	for _, c := range clusters {
		name, cached := c.Name, "no"
		if c.Current {
			name += currentMark
		}
		if c.Cached {
			cached = "yes"
		}
		cells := []string{name, c.Region, c.State, strings.Join(c.Contexts, ","), cached}
		if l.output.format == formatWide {
			cells = append(cells, c.Version, string(c.ID), c.Endpoint)
		}
		t.rows = append(t.rows, cells)
	}
	l.output.write(w, t)
}

// namesOf returns for each cluster how commands name it: by its id if its name isn't unique.
func namesOf(clusters []listedCluster) []string {
	named := make(map[string]int)
	for _, c := range clusters {
		named[c.Name]++
	}
	names := make([]string, len(clusters))
	for i, c := range clusters {
		if names[i] = c.Name; named[c.Name] > 1 || c.Name != oneLine(c.Name) || c.Name == "" {
			names[i] = string(c.ID)
		}
	}
	return names
}
