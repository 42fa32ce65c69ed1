package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

func newKubeconfigRemove(opts *options) *cobra.Command {
	var files kubeconfigFiles
	var revoke bool
	cmd := &cobra.Command{
		Use:        "remove CLUSTER…",
		Aliases:    []string{"rm"},
		SuggestFor: []string{"delete"},
		Short:      "Remove clusters from the kubeconfig",
		Long: `remove deletes clusters from the kubeconfig: their entries, all contexts that point to them, their users
unless others use them, and their cached credentials. With several files in KUBECONFIG it does so in each.
It doesn't call the API, so it works even if a cluster no longer exists.

With --revoke, the cached tokens are revoked before they are removed: see 'doks-auth cache clear --help'. The
kubeconfig is changed first, so that no client fetches another one, and stays changed if a token isn't
revoked. Such a token is kept: 'doks-auth cache clear --revoke' with the cluster's id tries again.

A cluster is given by its id, its name, or the name of its entry or of a context. If one of them isn't
found, nothing is removed. If the current context is among those removed, there is none afterwards, unless
another file sets one.`,
		Example: `  doks-auth kubeconfig remove production
  doks-auth kubeconfig remove 8d91899c-0739-4a1a-acc5-deadbeefbb8f
  doks-auth kubeconfig remove --revoke production`,
		Args: usageArgs(someClusters),
		RunE: func(cmd *cobra.Command, args []string) error {
			var all []kubeconfig.Removed
			err := files.edit(cmd.Context(), opts, func(c *kubeconfig.Config) error {
				var err error
				all, err = removeAll(c, args)
				return err
			})
			if err != nil {
				return err
			}
			var out strings.Builder
			var ids []string
			for _, gone := range all {
				writeRemoved(&out, gone)
				ids = append(ids, gone.ClusterIDs...)
			}
			cleared, err := bounded(cmd.Context(), opts, func(ctx context.Context) (string, error) {
				return opts.clearCached(ctx, ids, revoke)
			})
			out.WriteString(cleared)
			if _, err := fmt.Fprint(opts.Stdout, out.String()); err != nil {
				return err
			}
			return err
		},
	}
	files.addFlag(cmd.Flags())
	cmd.Flags().BoolVar(&revoke, "revoke", false, revokeUsage)
	cmd.ValidArgsFunction = func(
		cmd *cobra.Command, args []string, typed string,
	) ([]cobra.Completion, cobra.ShellCompDirective) {
		return opts.complete(cmd, args, typed, func(_ context.Context, o *options) []choice {
			return words(files.clusterNames(o))
		})
	}
	return cmd
}

// someClusters requires at least one cluster.
func someClusters(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("no cluster is given")
	}
	return nil
}

// removeAll removes clusters. One that was named twice, by its id and its name for instance, is removed once.
func removeAll(c *kubeconfig.Config, names []string) ([]kubeconfig.Removed, error) {
	contexts := contextNames(c)     // before anything is removed
	before := make(map[string]bool) // what the names of those that are gone already could be
	var all []kubeconfig.Removed
	for _, name := range names {
		gone, err := c.Remove(name)
		if err != nil && before[strings.ToLower(name)] {
			continue
		}
		if e, ok := errors.AsType[*kubeconfig.NotFoundError](err); ok {
			e.Contexts = contexts
		}
		if err != nil {
			return nil, err
		}
		for _, known := range slices.Concat([]string{name}, gone.ClusterIDs, gone.Contexts, gone.Clusters, gone.Users) {
			before[strings.ToLower(known)] = true
		}
		all = append(all, gone)
	}
	return all, nil
}

// writeRemoved writes a line for each entry that is gone, and for each that counts now.
func writeRemoved(out *strings.Builder, gone kubeconfig.Removed) {
	for _, entries := range []struct {
		kind  string
		names []string
	}{{"context", gone.Contexts}, {"cluster", gone.Clusters}, {"user", gone.Users}} {
		for _, name := range entries.names {
			fmt.Fprintf(out, "removed %s %q\n", entries.kind, name)
		}
	}
	for _, e := range gone.Uncovered {
		to := ""
		switch e.Kind {
		case "context":
			to = fmt.Sprintf(", for cluster %q", e.Cluster)
		case "cluster":
			to = ", for server " + shownURL(e.Server)
		}
		fmt.Fprintf(out, "%s %q is now the one in %s%s\n", e.Kind, e.Name, show.Path(e.Path), to)
	}
	if gone.Current {
		out.WriteString("there is no current context now\n")
	}
	if gone.Next != "" {
		fmt.Fprintf(out, "the current context is now %q\n", gone.Next)
	}
}

// clearCached removes the cached credentials and the remembered failures of clusters, for all accounts, and returns a
// line for each. If revoke is set, it revokes the tokens before.
func (o *options) clearCached(ctx context.Context, ids []string, revoke bool) (string, error) {
	entries, err := o.entries()
	switch {
	case len(ids) == 0:
		return "", nil
	case err != nil && revoke:
		return "", fmt.Errorf("clearing the cache: %w", err)
	case err != nil:
		return "", nil // if the cache can't be listed, there is nothing to clear
	}
	var gone []digitalocean.ClusterID
	for _, id := range ids {
		gone = append(gone, digitalocean.ClusterID(id))
	}
	goes := func(e cachedir.Entry) bool { return isOfAny(e, gone) }
	if revoke {
		return newInventory(o).revoke(ctx, entries, goes)
	}
	return newInventory(o).remove(ctx, entries, goes)
}

// clusterNames returns the names of the kubeconfig's contexts and clusters.
func (k *kubeconfigFiles) clusterNames(o *options) []string {
	config, err := kubeconfig.Read(k.paths(o))
	if err != nil {
		return nil
	}
	names := contextNames(config)
	for _, cluster := range config.Clusters {
		if !slices.Contains(names, cluster.Name) {
			names = append(names, cluster.Name)
		}
	}
	return names
}
