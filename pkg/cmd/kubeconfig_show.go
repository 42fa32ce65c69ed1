package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

func newKubeconfigShow(opts *options) *cobra.Command {
	e := &kubeconfigEntries{fetching: fetching{options: opts}}
	cmd := &cobra.Command{
		Use:   "show CLUSTER",
		Short: "Print a kubeconfig for one cluster",
		Long: `show prints the kubeconfig that save would write into an empty file. It holds no secret: clients get
the credential from this program.`,
		Example:           `  doks-auth kubeconfig show production > production.yaml`,
		Args:              usageArgs(oneCluster),
		ValidArgsFunction: opts.completeCluster,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := bounded(cmd.Context(), opts, func(ctx context.Context) ([]byte, error) {
				token, err := e.accessToken()
				if err != nil {
					return nil, err
				}
				clusters, err := e.lookUpAll(ctx, token, args)
				if err != nil {
					return nil, withSource(err, token)
				}
				entry, err := e.entry(ctx, token, clusters[0])
				if err != nil {
					return nil, err
				}
				return kubeconfig.Text([]kubeconfig.Entry{entry})
			})
			if err != nil {
				return err
			}
			_, err = opts.Stdout.Write(text)
			return err
		},
	}
	e.addFlags(cmd.Flags())
	return cmd
}
