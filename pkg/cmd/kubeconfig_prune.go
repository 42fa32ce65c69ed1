package cmd

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// kubeconfigPrune is the command that removes clusters that no longer exist.
type kubeconfigPrune struct {
	*options

	files  kubeconfigFiles
	dryRun bool
}

func newKubeconfigPrune(opts *options) *cobra.Command {
	p := &kubeconfigPrune{options: opts}
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove clusters that no longer exist from the kubeconfig",
		Long: `prune removes those clusters from the kubeconfig whose users run doks-auth, and which their account no
longer has. The account is the one that a user's args name, or else one whose credential for the cluster
is in the cache. prune removes what 'doks-auth kubeconfig remove' does: contexts, users and cached
credentials.

A cluster stays if another account that can be found has it. If it isn't certain that a cluster is gone, it
stays, too, and a line on standard error says why: its account can't be asked or isn't known, another
account's credential is cached, or the account has none of its clusters in the kubeconfig, as if it were
signed in to another team. Users that run doctl stay. --timeout applies to each account, and to the file. The access tokens need the scope
kubernetes:read.`,
		Example: `  doks-auth kubeconfig prune --dry-run
  doks-auth kubeconfig prune`,
		Args:              usageArgs(noArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return p.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	p.files.addFlag(flags)
	flags.BoolVar(&p.dryRun, "dry-run", false, "print what would be removed, and modify nothing")
	return cmd
}

func (p *kubeconfigPrune) run(ctx context.Context) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	config, err := p.files.read(ctx, p.options)
	if err != nil {
		return err
	}
	gone, err := p.survey(ctx, config)
	if err != nil {
		return err
	}
	var out strings.Builder
	var ids []string
	remove := func(c *kubeconfig.Config) error {
		out.Reset()
		ids = p.remove(c, gone, &out)
		return nil
	}
	switch {
	case p.dryRun:
		err = remove(config)
	case len(gone) > 0:
		err = p.files.edit(ctx, p.options, remove)
	}
	if err != nil {
		return err
	}
	if out.Len() == 0 {
		out.WriteString("nothing to remove\n")
	}
	if !p.dryRun {
		for _, id := range ids { // which no cluster will ever have again
			p.sessions().Unpin(id)
		}
		cleared, clearErr := bounded(ctx, p.options, func(ctx context.Context) (string, error) {
			return p.clearCached(ctx, ids, false)
		})
		out.WriteString(cleared)
		err = clearErr
	}
	if _, err := io.WriteString(p.Stdout, out.String()); err != nil {
		return err
	}
	return err
}

// remove removes clusters from the kubeconfig, writes what goes, and returns the ids of those that it removed.
func (p *kubeconfigPrune) remove(c *kubeconfig.Config, gone []string, out *strings.Builder) (ids []string) {
	for _, id := range gone {
		users := make(map[string]kubeconfig.Exec)
		for _, user := range usersOf(c, id) {
			users[user.Name] = *user.Exec
		}
		servers := make(map[string]string)
		for _, cluster := range c.Clusters {
			servers[cluster.Name] = cluster.Server
		}
		removed, err := c.Remove(id)
		if err != nil {
			continue // somebody else removed it meanwhile, or it is ambiguous
		}
		ids = append(ids, id)
		if !p.dryRun {
			writeRemoved(out, removed)
			continue
		}
		for _, name := range removed.Contexts {
			fmt.Fprintf(out, "would remove context %q\n", name)
		}
		for _, name := range removed.Clusters {
			fmt.Fprintf(out, "would remove cluster %q\n", name)
			writeDifference(out, []string{"server: " + shownURL(servers[name])}, nil)
		}
		for _, name := range removed.Users {
			fmt.Fprintf(out, "would remove user %q\n", name)
			if exec, ok := users[name]; ok {
				writeDifference(out, shownExec(exec), nil)
			}
		}
	}
	return ids
}
