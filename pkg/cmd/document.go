package cmd

import "github.com/spf13/cobra"

// VisitCommands calls visit with each command that help shows, parents first. Flags that mean nothing to the command
// are hidden during the call. It is for documentation: the commands can't be run.
func VisitCommands(visit func(*cobra.Command) error) error {
	opts := &options{Env: Env{Getenv: func(string) string { return "" }}}
	root := newRoot(opts)
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd() // marks it as help's, which isn't shown
	return visitCommands(root, visit)
}

func visitCommands(cmd *cobra.Command, visit func(*cobra.Command) error) error {
	hideUnused(cmd)
	if err := visit(cmd); err != nil {
		return err
	}
	for _, sub := range cmd.Commands() {
		if !sub.IsAvailableCommand() {
			continue
		}
		if err := visitCommands(sub, visit); err != nil {
			return err
		}
	}
	return nil
}
