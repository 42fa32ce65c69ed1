package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// exitCode returns the process's exit code for a command's error. The codes are public: client-go counts
// plugin calls by exit code.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	switch credential.ClassOf(err) {
	case credential.Usage:
		return 2
	case credential.Refused:
		return 3
	case credential.NotFound:
		return 4
	case credential.Unreachable:
		return 5
	case credential.Unusable:
		return 6
	case credential.Unsafe:
		return 7
	default:
		return 1
	}
}

// report prints an error on one line, and its hint, if any, on another. It doesn't repeat doctor's verdict.
func report(w io.Writer, err error) {
	if e, ok := errors.AsType[*unhealthy](err); ok && e.printed {
		return
	}
	text, hint := shownUnknown(err.Error()), hintOf(err)
	if errors.Is(err, context.Canceled) {
		text, hint = "interrupted", ""
		if e, ok := errors.AsType[*interruptedError](err); ok {
			text, hint = e.Error(), e.hint
		}
	}
	lines := "doks-auth: " + oneLine(text) + "\n"
	if hint != "" {
		lines += "hint: " + oneLine(hint) + "\n"
	}
	io.WriteString(w, lines)
}

// interruptedError means that a person interrupted a run, and says what it had done by then.
type interruptedError struct{ left, hint string }

// Error returns a message with what was done.
func (e *interruptedError) Error() string { return "interrupted: " + e.left }

// Unwrap returns [context.Canceled].
func (e *interruptedError) Unwrap() error { return context.Canceled }

// oneLine replaces what would break the line or control the terminal with spaces.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return ' '
	}, strings.TrimSpace(s))
}

// shownURL returns scheme, host and port of an address, as [show.URL] does, but without quotes. It
// doesn't show an address without a scheme, which may be anything.
func shownURL(address string) string {
	if !strings.Contains(address, "://") {
		address = ""
	}
	return strings.Trim(show.URL(address), `"`)
}

// isShown reports whether a misplaced value can be shown: it is one plain word, and shorter than an access token.
func isShown(value string) bool { return shellword.IsPlain(value) && len(value) <= show.MaxWord }

// shownUnknown removes the command from cobra's "unknown command" error if it may be a secret.
func shownUnknown(text string) string {
	rest, ok := strings.CutPrefix(text, "unknown command ")
	quoted, err := strconv.QuotedPrefix(rest)
	if !ok || err != nil {
		return text
	}
	if command, err := strconv.Unquote(quoted); err == nil && isShown(command) {
		return text
	}
	return "unknown command" + strings.TrimPrefix(rest, quoted)
}

// usageErrorOf returns a command's usage error, with a hint that suggests what the user may have meant.
func usageErrorOf(cmd *cobra.Command, err error, args ...string) error {
	hint := usageHintOf(cmd)
	if len(args) > 0 && cmd.HasSubCommands() {
		hint = cmp.Or(didYouMeanOneOf(suggestions(cmd, args[0])), hint)
	}
	unknown, isFlag := errors.AsType[*pflag.NotExistError](err)
	invalid, isValue := errors.AsType[*pflag.InvalidValueError](err)
	err = errors.New(shownUnknown(flagError(err).Error()))
	if isFlag {
		hint = cmp.Or(didYouMean(flagsMeant(cmd, unknown)), hint)
	}
	if isFlag && unknown.GetSpecifiedName() == versionFlagName || isValue && invalid.GetFlag().Name == versionFlagName {
		hint = "'doks-auth version' prints the version; in a kubeconfig these are doctl's arguments: " +
			"'doks-auth kubeconfig save' rewrites the entry"
	}
	return advise(credential.Usage, err, hint)
}

// suggestions returns the commands, quoted, that a user may have meant by an unknown one: of the root also those of
// its groups.
func suggestions(cmd *cobra.Command, typed string) []string {
	var paths []string
	for _, name := range cmd.SuggestionsFor(typed) {
		paths = append(paths, "'"+cmd.CommandPath()+" "+name+"'")
	}
	if len(paths) > 0 || cmd.HasParent() {
		return paths
	}
	for _, c := range commands() {
		group := c.build(new(options))
		for _, sub := range group.Commands() {
			if sub.Name() == typed || sub.HasAlias(typed) {
				paths = append(paths, "'"+cmd.Name()+" "+group.Name()+" "+sub.Name()+"'")
			}
		}
	}
	return paths
}

// flagsMeant returns the flags that a user may have meant by an unknown one.
func flagsMeant(cmd *cobra.Command, unknown *pflag.NotExistError) []string {
	if unknown.GetSpecifiedShortnames() != "" {
		return nil
	}
	var names []string
	hideUnused(cmd)
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			names = append(names, flag.Name)
		}
	})
	flags := meant(unknown.GetSpecifiedName(), names)
	for i, name := range flags {
		flags[i] = "--" + name
	}
	return flags
}

// usageHintOf returns the hint that names the help of a command.
func usageHintOf(cmd *cobra.Command) string {
	return fmt.Sprintf("'%s --help' shows the usage", cmd.CommandPath())
}

// usageHint stands for the hint that names the help of the command that was called.
const usageHint = "'doks-auth --help' shows the usage"

func usageErrorf(format string, args ...any) error {
	return advise(credential.Usage, fmt.Errorf(format, args...), usageHint)
}
