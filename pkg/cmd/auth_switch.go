package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// newAuthSwitch returns the command that makes a login the current one.
func newAuthSwitch(opts *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "switch NAME",
		Short: "Make a login the current one",
		Long: `switch makes a login the current one: the one that commands use if neither a flag nor the environment
names another account. It doesn't change kubeconfig entries, which record the login that they use.`,
		Example:           `  doks-auth auth switch work`,
		Args:              usageArgs(oneLogin),
		ValidArgsFunction: opts.completeLogin,
	}
	change := opts.prints(func(_ context.Context, args []string) ([]byte, error) {
		sources := opts.sources()
		if err := sources.SwitchLogin(args[0]); err != nil {
			return nil, err
		}
		io.WriteString(opts.Stderr, opts.outrankedNote(args[0]))
		return fmt.Appendf(nil, "the current login is %q\n", sources.CurrentLogin()), nil
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := opts.refuse(cmd, "account", "context", "token-file"); err != nil {
			return err
		}
		return change(cmd, args)
	}
	return cmd
}

// oneLogin checks that the arguments name exactly one login.
func oneLogin(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errors.New("no login is named")
	case 1:
		return nil
	}
	return errors.New("more than one login is named")
}

// completeLogin completes an argument that names one login.
func (o *options) completeLogin(
	cmd *cobra.Command, args []string, typed string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return o.completeLogins(cmd, args, typed)
}
