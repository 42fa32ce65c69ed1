package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/kubeconfig"
)

func newKubeconfigRemove(opts *options) *cobra.Command {
	var files kubeconfigFiles
	cmd := &cobra.Command{
		Use:   "remove CLUSTER",
		Short: "Remove a cluster from the kubeconfig",
		Long: `remove takes a cluster out of the kubeconfig: its entry, all contexts that lead to it, their users that
nobody else uses, and what is cached for it. The API isn't asked, so the cluster may be gone.

The cluster is named by its id, its name, or the name of its entry or of a context. If its context is the
current one, there is no current context afterwards.`,
		Example: `  doks-auth kubeconfig remove production
  doks-auth kubeconfig remove 8d91899c-0739-4a1a-acc5-deadbeefbb8f`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var gone kubeconfig.Removed
			err := files.edit(cmd.Context(), opts, func(c *kubeconfig.Config) (err error) {
				gone, err = c.Remove(args[0])
				return err
			})
			if err != nil {
				return err
			}
			var told strings.Builder
			for _, entries := range []struct {
				kind  string
				names []string
			}{{"context", gone.Contexts}, {"cluster", gone.Clusters}, {"user", gone.Users}} {
				for _, name := range entries.names {
					fmt.Fprintf(&told, "removed %s %q\n", entries.kind, name)
				}
			}
			if gone.Current {
				told.WriteString("there is no current context now\n")
			}
			_, err = fmt.Fprint(opts.Stdout, told.String())
			return err
		},
	}
	files.addFlag(cmd.Flags())
	return cmd
}
