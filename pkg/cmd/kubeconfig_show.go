package cmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

func newKubeconfigShow(opts *options) *cobra.Command {
	e := newEntries(opts)
	cmd := &cobra.Command{
		Use:        "show CLUSTER",
		SuggestFor: []string{"view"},
		Short:      "Print a kubeconfig for one cluster",
		Long: `show prints the kubeconfig that save would write to an empty file. It contains no secret: clients get
the credential from doks-auth.`,
		Example:           `  doks-auth kubeconfig show production > production.yaml`,
		Args:              usageArgs(oneCluster),
		ValidArgsFunction: opts.completeCluster,
		RunE: opts.prints(func(ctx context.Context, args []string) ([]byte, error) {
			account, err := e.account()
			if err != nil {
				return nil, err
			}
			clusters, err := e.lookUp(ctx, account, args)
			if err != nil {
				return nil, err
			}
			entry, err := e.entry(ctx, account, clusters[0])
			if err != nil {
				return nil, err
			}
			return kubeconfig.Text([]kubeconfig.Entry{entry})
		}),
	}
	e.addFlags(cmd.Flags())
	return cmd
}
