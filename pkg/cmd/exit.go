package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// exitCode returns the process's exit code for how a command ended. The codes are public: client-go
// counts plugin calls by them.
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

// report prints an error as one line, and its hint as another.
func report(w io.Writer, err error) {
	text := shownUnknown(err.Error())
	if errors.Is(err, context.Canceled) {
		text = "interrupted"
	}
	lines := "doks-auth: " + oneLine(text) + "\n"
	if hint := hintOf(err); hint != "" {
		lines += "hint: " + oneLine(hint) + "\n"
	}
	io.WriteString(w, lines)
}

// oneLine takes out of a text what would break the line or control the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return ' '
	}, strings.TrimSpace(s))
}

// shownURL returns scheme, host and port of an address, as [credential.ShowURL] does, without quotes. Without a
// scheme it may be anything.
func shownURL(address string) string {
	if !strings.Contains(address, "://") {
		address = ""
	}
	return strings.Trim(credential.ShowURL(address), `"`)
}

// isShown tells whether a value that was given in a wrong place can be shown: it is one plain word, and
// shorter than an access token, which has 71 characters.
func isShown(value string) bool { return shellword.IsPlain(value) && len(value) < 64 }

// shownUnknown returns cobra's text about an unknown command without it, where it may be a secret.
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

// usageErrorOf returns a command's error of usage, with what may have been meant.
func usageErrorOf(cmd *cobra.Command, err error, args ...string) error {
	hint := fmt.Sprintf("'%s --help' shows the usage", cmd.CommandPath())
	if len(args) > 0 && cmd.HasSubCommands() {
		if meant := cmd.SuggestionsFor(args[0]); len(meant) > 0 {
			hint = "did you mean '" + cmd.CommandPath() + " " + strings.Join(meant, "', or '") + "'?"
		}
	}
	err = errors.New(shownUnknown(flagError(err).Error()))
	if strings.HasSuffix(err.Error(), "unknown flag: --version") {
		hint = "'doks-auth version' tells the version; in a kubeconfig these are doctl's arguments: 'doks-auth kubeconfig save' writes the entry anew"
	}
	return &credential.Error{Class: credential.Usage, Err: err, Hint: hint}
}

func usageError(err error) error {
	return &credential.Error{Class: credential.Usage, Err: err, Hint: "'doks-auth --help' shows the usage"}
}

func usageErrorf(format string, args ...any) error {
	return usageError(fmt.Errorf(format, args...))
}
