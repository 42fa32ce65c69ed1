// Package cmd is the command line of doks-auth: one file per command, and the wiring that they share.
package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/internal/keyring"
	"github.com/doks-auth/doks-auth/pkg/internal/picker"
)

// Env is what a run gets from its process.
type Env struct {
	Args             []string // without the program's name
	Stdin            io.Reader
	Stdout, Stderr   io.Writer
	StdinIsTerminal  func() bool
	StdoutIsTerminal func() bool // nil means false
	StderrIsTerminal func() bool // nil means false
	Columns          func() int  // of the terminal that is standard output; 0, or nil: unknown
	Getenv           func(string) string
	Home             string        // the home directory; "" if there is none
	UserHome         func() string // the home directory in the user database, or ""; nil means ""
	Now              func() time.Time

	// Executable returns the path of this program, as the user calls it.
	Executable func() (string, error)

	// ReadPassword reads a line from the terminal without showing it; nil: there is no terminal.
	ReadPassword func(context.Context) ([]byte, error)

	// OpenTerminal puts the terminal into raw mode; nil: there is none.
	OpenTerminal func() (*picker.Terminal, error)

	// Pause waits for a while, or until ctx ends; nil: with a timer.
	Pause func(ctx context.Context, d time.Duration)

	Keyring keyring.Keyring // nil: the system's
}

// Run runs the command that the arguments name until it ends or ctx does, and returns the exit code. On
// success it writes the result to standard output; on failure it writes nothing there, and the error to
// standard error, in one line, followed by at most one line with a hint. Failing to write to standard
// output is a failure, too.
func Run(ctx context.Context, env Env) int {
	stdout := &watched{Writer: env.Stdout}
	env.Stdout = stdout
	opts := &options{Env: env, later: new(later), waits: new(waits)}
	root := newRoot(opts)
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(stdout)
	root.SetErr(env.Stderr)
	called, err := root.ExecuteContextC(ctx)
	if e, ok := errors.AsType[*advised](err); ok && e.hint == usageHint {
		e.hint = usageHintOf(called)
	}
	if err == nil {
		err = cmp.Or(opts.helpRefused, stdout.failure()) // cobra returns neither
	}
	if err != nil {
		report(env.Stderr, err)
		opts.later.wait()
		return exitCode(err)
	}
	opts.later.wait()
	opts.later.do(opts)
	return 0
}

// watched remembers the first write that failed.
type watched struct {
	io.Writer
	err error
}

// Write implements io.Writer.
func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.err = cmp.Or(w.err, err)
	return n, err
}

func (w *watched) failure() error {
	if w.err == nil {
		return nil
	}
	return fmt.Errorf("writing to standard output: %w", w.err)
}

// usageArgs makes an argument check fail with an error of class Usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageErrorOf(cmd, err, args...)
		}
		return nil
	}
}

// noArgs checks that there are no arguments. To a group, an argument is a command that it doesn't have.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 || cmd.HasSubCommands() {
		return cobra.NoArgs(cmd, args)
	}
	return errors.New("'" + cmd.CommandPath() + "' takes no arguments")
}

// oneCluster checks that the arguments name exactly one cluster.
func oneCluster(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errors.New("no cluster is named")
	case 1:
		return nil
	}
	return errors.New("more than one cluster is named")
}
