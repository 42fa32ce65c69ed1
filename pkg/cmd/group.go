package cmd

import "github.com/spf13/cobra"

// newGroup returns a command that does nothing but hold subcommands.
func newGroup(use, short string, commands ...*cobra.Command) *cobra.Command {
	group := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  usageArgs(cobra.NoArgs), // otherwise an unknown command prints the help and exits with 0
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.SuggestionsMinimumDistance = 2
	group.AddCommand(commands...)
	return group
}
