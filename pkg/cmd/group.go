package cmd

import "github.com/spf13/cobra"

// newGroup returns a command that does nothing but hold subcommands.
func newGroup(use, short string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use:     use,
		Short:   short,
		Example: groupExample(use),
		Args:    usageArgs(noArgs), // otherwise an unknown command prints the help and exits with 0
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.SuggestionsMinimumDistance = 2
	group.AddCommand(commands...)
	return group
}

// groupExample returns how a group's commands are mostly used.
func groupExample(group string) string {
	switch group {
	case "auth":
		return `  doks-auth auth login
  doks-auth auth login --name work
  doks-auth auth switch work
  doks-auth auth status`
	case "kubeconfig":
		return `  doks-auth kubeconfig save production
  doks-auth kubeconfig save --all
  doks-auth kubeconfig convert --dry-run
  doks-auth kubeconfig remove production
  doks-auth kubeconfig prune --dry-run`
	case "cluster":
		return `  doks-auth cluster list
  doks-auth cluster list -o wide
  doks-auth cluster list -o name | grep staging | xargs doks-auth kubeconfig save`
	case "cache":
		return `  doks-auth cache list
  doks-auth cache clear production
  doks-auth cache clear --expired
  doks-auth cache clear --all --revoke`
	}
	return ""
}
