package cmd

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// isCompletion reports whether a shell runs us to complete a command line.
func (o *options) isCompletion() bool {
	return len(o.Args) > 0 && (o.Args[0] == cobra.ShellCompRequestCmd || o.Args[0] == cobra.ShellCompNoDescRequestCmd)
}

// prepareCompletion says how the flags of the command line that is completed are completed: those that mean a
// file with files, those with few values with these, and others with nothing, as arguments are by default.
func (o *options) prepareCompletion(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	typed := o.Args[1:]
	if len(typed) > 0 {
		typed = typed[:len(typed)-1] // the last is being typed
	}
	cmd, _, err := root.Find(typed)
	if err != nil {
		return
	}
	hideUnused(cmd)
	prepare := func(flag *pflag.Flag) {
		_, flag.Usage = pflag.UnquoteUsage(flag) // shells would show the backquotes
		if complete := o.completionOf(flag.Name); complete != nil {
			cmd.RegisterFlagCompletionFunc(flag.Name, complete)
		}
	}
	cmd.InheritedFlags().VisitAll(prepare)
	cmd.LocalFlags().VisitAll(prepare)
}

// completionOf returns what completes the flag of a name, or nil.
func (o *options) completionOf(flag string) cobra.CompletionFunc {
	switch flag {
	case "account":
		return o.completeLogins
	case "context":
		return o.completeContexts
	case "api-version", "exec-api-version":
		return cobra.FixedCompletions([]cobra.Completion{"v1", "v1beta1"}, cobra.ShellCompDirectiveNoFileComp)
	case "kubeconfig", "token-file", "shared-cache-file", "command":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	case "cache-dir":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	}
	return nil
}
