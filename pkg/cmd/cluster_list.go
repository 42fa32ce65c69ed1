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
}

func newClusterList(opts *options) *cobra.Command {
	l := &clusterList{options: opts}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the clusters of an account",
		Long: `list prints all clusters that the access token can see. For each it shows the kubeconfig's contexts
that point to it, and whether a valid credential is cached.

The access token needs the scope kubernetes:read. No credential is fetched.`,
		Example: `  doks-auth cluster list
  doks-auth cluster list --context=work
  doks-auth cluster list -o json | jq -r '.[] | select(.state == "running") | .id'`,
		Args: usageArgs(cobra.NoArgs),
		RunE: opts.prints(func(ctx context.Context, _ []string) ([]byte, error) {
			clusters, err := l.list(ctx)
			if err != nil {
				return nil, err
			}
			if len(clusters) == 0 && l.output.format == formatTable {
				_, err = io.WriteString(l.Stderr, "No clusters found.\n")
				return nil, err
			}
			return l.output.render(clusters, func(w io.Writer) { clustersTable(w, clusters) })
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	l.output = addOutputFlag(cmd, formatTable, formatJSON, formatYAML)
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
	contextsOf, cached := l.contextsOf(), account.cachedClusters(ctx)
	listed := make([]listedCluster, len(clusters))
	for i, cluster := range clusters {
		listed[i] = listedCluster{
			Cluster:  cluster,
			Contexts: append([]string{}, contextsOf(cluster.ID)...),
			Cached:   cached[cluster.ID],
		}
	}
	return listed, nil
}

func clustersTable(w io.Writer, clusters []listedCluster) {
	row(w, "ID", "NAME", "REGION", "VERSION", "STATE", "CONTEXTS", "CACHED")
	for _, c := range clusters {
		cached := "no"
		if c.Cached {
			cached = "yes"
		}
		row(w, string(c.ID), c.Name, c.Region, c.Version, c.State, strings.Join(c.Contexts, ","), cached)
	}
}
