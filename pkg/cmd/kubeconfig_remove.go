package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

func newKubeconfigRemove(opts *options) *cobra.Command {
	var files kubeconfigFiles
	cmd := &cobra.Command{
		Use:   "remove CLUSTER",
		Short: "Remove a cluster from the kubeconfig",
		Long: `remove deletes a cluster from the kubeconfig: its entry, all contexts that point to it, their users
unless others use them, and its cached credentials. It doesn't call the API, so it works even if the
cluster no longer exists.

The cluster is given by its id, its name, or the name of its entry or of a context. If its context is the
current one, there is no current context afterwards.`,
		Example: `  doks-auth kubeconfig remove production
  doks-auth kubeconfig remove 8d91899c-0739-4a1a-acc5-deadbeefbb8f`,
		Args: usageArgs(oneCluster),
		RunE: func(cmd *cobra.Command, args []string) error {
			var gone kubeconfig.Removed
			err := files.edit(cmd.Context(), opts, func(c *kubeconfig.Config) (err error) {
				gone, err = c.Remove(args[0])
				return err
			})
			if err != nil {
				return err
			}
			var out strings.Builder
			for _, entries := range []struct {
				kind  string
				names []string
			}{{"context", gone.Contexts}, {"cluster", gone.Clusters}, {"user", gone.Users}} {
				for _, name := range entries.names {
					fmt.Fprintf(&out, "removed %s %q\n", entries.kind, name)
				}
			}
			if gone.Current {
				out.WriteString("there is no current context now\n")
			}
			cleared, err := bounded(cmd.Context(), opts, func(ctx context.Context) (string, error) {
				return opts.clearCached(ctx, gone.ClusterIDs)
			})
			out.WriteString(cleared)
			if _, err := fmt.Fprint(opts.Stdout, out.String()); err != nil {
				return err
			}
			return err
		},
	}
	files.addFlag(cmd.Flags())
	cmd.ValidArgsFunction = func(
		cmd *cobra.Command, args []string, typed string,
	) ([]cobra.Completion, cobra.ShellCompDirective) {
		return opts.complete(cmd, args, typed, func(_ context.Context, o *options) []choice {
			return words(files.clusterNames(o))
		})
	}
	return cmd
}

// clearCached removes the cached credentials of clusters, for all accounts, and returns a line for each.
func (o *options) clearCached(ctx context.Context, ids []string) (string, error) {
	entries, err := o.entries()
	if err != nil || len(ids) == 0 {
		return "", nil // if the cache can't be listed, there is nothing to clear
	}
	goes := func(e cachedir.Entry) bool { return slices.Contains(ids, e.ClusterID) }
	return newInventory(o).remove(ctx, entries, goes)
}

// clusterNames returns the names of the kubeconfig's contexts and clusters.
func (k *kubeconfigFiles) clusterNames(o *options) []string {
	config, err := kubeconfig.Read(k.paths(o))
	if err != nil {
		return nil
	}
	var names []string
	for _, context := range config.Contexts {
		names = append(names, context.Name)
	}
	for _, cluster := range config.Clusters {
		if !slices.Contains(names, cluster.Name) {
			names = append(names, cluster.Name)
		}
	}
	return names
}
