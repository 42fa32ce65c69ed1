package cmd

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is the width of help, in columns.
const helpWidth = 80

// printHelp prints a command's description and usage. It implements cobra's help function.
func printHelp(cmd *cobra.Command, _ []string) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s\n\n%s", reflow(strings.TrimSpace(text)), cmd.UsageString())
}

// printUsage prints how a command is called. It implements cobra's usage function.
func printUsage(cmd *cobra.Command) error {
	hideUnused(cmd)
	var out strings.Builder
	line := cmd.UseLine()
	if cmd.HasAvailableSubCommands() {
		line = cmd.CommandPath() + " COMMAND"
	}
	fmt.Fprintf(&out, "Usage:\n  %s\n", line)
	if len(cmd.Aliases) > 0 {
		fmt.Fprintf(&out, "\nAliases:\n  %s\n", cmd.NameAndAliases())
	}
	if cmd.HasExample() {
		fmt.Fprintf(&out, "\nExamples:\n%s\n", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		out.WriteString("\nCommands:\n" + subcommands(cmd))
	}
	own, shared := cmd.LocalFlags(), cmd.InheritedFlags()
	if !cmd.HasParent() {
		own, shared = cmd.LocalNonPersistentFlags(), cmd.PersistentFlags()
	}
	writeFlags(&out, "Flags", own)
	writeFlags(&out, "Flags that most commands share", shared)
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&out, "\n'%s COMMAND --help' shows the usage of a command.\n", cmd.CommandPath())
	}
	_, err := io.WriteString(cmd.OutOrStderr(), out.String())
	return err
}

func writeFlags(out *strings.Builder, title string, flags *pflag.FlagSet) {
	if flags.HasAvailableFlags() {
		fmt.Fprintf(out, "\n%s:\n%s", title, flags.FlagUsagesWrapped(helpWidth))
	}
}

// subcommands returns a line for each of a command's subcommands.
func subcommands(cmd *cobra.Command) string {
	var lines strings.Builder
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			fmt.Fprintf(&lines, "  %-15s  %s\n", sub.Name(), sub.Short)
		}
	}
	return lines.String()
}

// overview is what the program prints when a person calls it without arguments. It fits a small terminal.
func overview(root *cobra.Command) string {
	return `doks-auth provides kubectl and other clients with credentials for DigitalOcean
Kubernetes clusters. Usage: doks-auth COMMAND [flags]

To get started:
  doks-auth auth login                sign in to DigitalOcean
  doks-auth kubeconfig save CLUSTER   add a cluster to the kubeconfig
  doks-auth doctor                    check that it works, or what to do

Commands:
` + subcommands(root) + `
'doks-auth COMMAND --help' shows the usage of a command, 'doks-auth --help' how
the access token is found, the flags that most commands share, and exit codes.
`
}

// reflow wraps the paragraphs of a text to the width of help. Indented lines stay as they are.
func reflow(text string) string {
	var out strings.Builder
	column := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, " ") || strings.TrimSpace(line) == "" {
			if column > 0 {
				out.WriteByte('\n')
			}
			out.WriteString(line)
			column = 0
			continue
		}
		for word := range strings.FieldsSeq(line) {
			width := len([]rune(word))
			switch {
			case column == 0:
			case column+1+width > helpWidth:
				out.WriteByte('\n')
				column = 0
			default:
				out.WriteByte(' ')
				column++
			}
			out.WriteString(word)
			column += width
		}
	}
	return out.String()
}

// hideUnused hides the flags that mean nothing to a command, from its help and its completion. They are still
// accepted, so that a script can give all commands the same ones.
func hideUnused(cmd *cobra.Command) {
	if !cmd.HasParent() { // what it does for clients is exec-credential's
		cmd.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) {
			flag.Hidden = flag.Name != "help" && flag.Name != "version"
		})
		return
	}
	unused := unusedFlags(cmd)
	cmd.InheritedFlags().VisitAll(func(flag *pflag.Flag) { flag.Hidden = slices.Contains(unused, flag.Name) })
}

// unusedFlags returns the shared flags that mean nothing to a command.
func unusedFlags(cmd *cobra.Command) []string {
	shared := []string{"shared-cache-file", "shared-cache-insecure"}
	all := append(shared, "account", "context", "token-file", "api-url", "cache-dir", "timeout", "verbose")
	path := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
	switch {
	case cmd.HasSubCommands(), path == "version", path == "help", strings.HasPrefix(path, "completion"):
		return all
	}
	switch path {
	case "auth login":
		return append(shared, "account", "context", "token-file", "cache-dir")
	case "auth list", "auth switch":
		return append(shared, "account", "context", "token-file", "api-url", "cache-dir")
	case "auth status":
		return append(shared, "cache-dir")
	case "auth logout":
		return append(shared, "context", "token-file")
	case "kubeconfig convert", "cache list":
		return []string{"account", "context"}
	case "kubeconfig remove":
		return append(shared, "account", "context", "token-file", "api-url")
	case "kubeconfig list":
		return append(shared, "account", "context", "token-file", "api-url", "cache-dir")
	case "cluster list", "kubeconfig prune":
		return shared
	}
	return nil
}
