package cmd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// kubeconfigPrune is the command that removes clusters which no account has any more.
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
		Long: `prune removes those clusters from the kubeconfig whose users run doks-auth, and which none of their
accounts has any more. It asks each account that a user's args name, and for the others the account that
commands use. It removes what 'doks-auth kubeconfig remove' does: contexts, users and cached credentials.

If an account can't be asked, its clusters stay, and a line on standard error says so. Users that run doctl
stay, too. --timeout applies to each account, and to the file. The access tokens need the scope
kubernetes:read.`,
		Example: `  doks-auth kubeconfig prune --dry-run
  doks-auth kubeconfig prune`,
		Args:              usageArgs(cobra.NoArgs),
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
	config, err := kubeconfig.Read(p.files.paths(p.options))
	if err != nil {
		return err
	}
	s, err := p.survey(ctx, config)
	if err != nil {
		return err
	}
	var out strings.Builder
	var ids []string
	remove := func(c *kubeconfig.Config) error {
		out.Reset()
		ids = p.remove(c, s.gone, &out)
		return nil
	}
	switch {
	case p.dryRun:
		err = remove(config)
	case len(s.gone) > 0:
		err = p.files.edit(ctx, p.options, remove)
	}
	if err != nil {
		return err
	}
	if out.Len() == 0 {
		out.WriteString("nothing to remove\n")
	}
	if !p.dryRun {
		cleared, clearErr := bounded(ctx, p.options, func(ctx context.Context) (string, error) {
			return p.clearCached(ctx, ids)
		})
		out.WriteString(cleared)
		err = clearErr
	}
	if _, err := io.WriteString(p.Stdout, out.String()); err != nil {
		return err
	}
	return err
}

// remove removes clusters from the kubeconfig, writes a line for each entry that goes, and returns the ids of those
// that it removed.
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
		p.report(out, "context", removed.Contexts, nil)
		p.report(out, "cluster", removed.Clusters, func(name string) []string {
			return []string{"server: " + shownURL(servers[name])}
		})
		p.report(out, "user", removed.Users, func(name string) []string {
			if exec, ok := users[name]; ok {
				return shownExec(exec)
			}
			return nil
		})
		if removed.Current && !p.dryRun {
			out.WriteString("there is no current context now\n")
		}
	}
	return ids
}

// report writes a line for each entry that goes and, with --dry-run, its lines.
func (p *kubeconfigPrune) report(out *strings.Builder, kind string, names []string, lines func(string) []string) {
	for _, name := range names {
		if !p.dryRun {
			fmt.Fprintf(out, "removed %s %q\n", kind, name)
			continue
		}
		fmt.Fprintf(out, "would remove %s %q\n", kind, name)
		if lines != nil {
			writeDifference(out, lines(name), nil)
		}
	}
}

// survey is what the accounts say about the kubeconfig's clusters.
type survey struct {
	gone []string // the ids of clusters that none of the accounts has
}

// survey asks the accounts of the users that run this program.
func (p *kubeconfigPrune) survey(ctx context.Context, c *kubeconfig.Config) (survey, error) {
	asked := make(map[string]*inquiry) // by account
	kept := make(map[string]bool)      // ids of clusters that an account has, or may have
	var ids []string
	for _, user := range c.Users {
		if !runsThis(user.Exec) {
			continue
		}
		own := idsOf(c, user)
		if len(own) == 0 {
			continue
		}
		ids = append(ids, own...)
		one := p.inquire(ctx, user, asked)
		if ctx.Err() != nil {
			return survey{}, &interruptedError{left: "nothing was removed"}
		}
		if one.err != nil {
			one.keeps += len(own)
		}
		for _, id := range own {
			kept[id] = kept[id] || one.err != nil
		}
	}
	for _, one := range asked {
		for _, id := range one.has {
			kept[id] = true
		}
	}
	p.tell(asked)
	ids = slices.DeleteFunc(ids, func(id string) bool { return kept[id] })
	slices.Sort(ids)
	return survey{slices.Compact(ids)}, nil
}

// inquiry is what an account said about its clusters.
type inquiry struct {
	has   []string // ids
	err   error    // why it can't be asked
	keeps int      // how many clusters stay for that reason
}

// inquire asks a user's account for its clusters, once.
func (p *kubeconfigPrune) inquire(ctx context.Context, user kubeconfig.User, asked map[string]*inquiry) *inquiry {
	account, err := p.accountOfEntry(user.Exec)
	if err != nil {
		key := accountFlagOf(user.Exec) + " " + err.Error()
		if asked[key] == nil {
			asked[key] = &inquiry{err: err}
		}
		return asked[key]
	}
	key := account.API + " " + account.Source
	if one := asked[key]; one != nil {
		return one
	}
	one := new(inquiry)
	asked[key] = one
	clusters, err := bounded(ctx, p.options, account.clusters)
	if err != nil {
		one.err = fmt.Errorf("%s: %w", account.Source, err)
	}
	for _, cluster := range clusters {
		one.has = append(one.has, string(cluster.ID))
	}
	return one
}

// tell says which clusters stay because nobody knows whether they exist.
func (p *kubeconfigPrune) tell(asked map[string]*inquiry) {
	var lines []string
	for _, one := range asked {
		if one.err != nil {
			noun := "clusters"
			if one.keeps == 1 {
				noun = "cluster"
			}
			lines = append(lines, fmt.Sprintf("kept %d %s of an account that can't be asked: %s\n",
				one.keeps, noun, oneLine(one.err.Error())))
		}
	}
	slices.Sort(lines)
	io.WriteString(p.Stderr, strings.Join(lines, ""))
}

// idsOf returns the ids of the clusters that a user is for: in its arguments, or by the contexts that have it.
func idsOf(c *kubeconfig.Config, user kubeconfig.User) []string {
	var ids []string
	if id := clusterIDOf(user.Exec); id != "" {
		ids = append(ids, string(id))
	}
	for _, context := range c.Contexts {
		if context.User != user.Name {
			continue
		}
		if cluster := c.Cluster(context.Cluster); cluster != nil {
			if id := c.IDOf(cluster); id != "" && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}
