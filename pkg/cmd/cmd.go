// Package cmd is the command line of doks-auth: one file a command, and the wiring that they share.
package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

// Env is the world around a run.
type Env struct {
	Args             []string // without the program's name
	Stdin            io.Reader
	Stdout, Stderr   io.Writer
	StdinIsTerminal  func() bool
	StdoutIsTerminal func() bool // nil: it isn't
	Getenv           func(string) string
	Home             string        // the home directory; "" when there is none
	UserHome         func() string // the home directory in the user database, or ""; nil: there is no such
	Now              func() time.Time

	// Executable returns where this program is, as the user calls it.
	Executable func() (string, error)
}

// Run runs the command that the arguments name until it ends or ctx does, and returns the exit
// code. Standard output gets the result on success and nothing on failure; an error is one line on
// standard error, and its hint another. That standard output takes no more is a failure too.
func Run(ctx context.Context, env Env) int {
	stdout := &watched{Writer: env.Stdout}
	env.Stdout = stdout
	opts := &options{Env: env, fetched: new(atomic.Bool)}
	root := newRoot(opts)
	root.SetArgs(env.Args)
	root.SetIn(env.Stdin)
	root.SetOut(stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = cmp.Or(opts.helpRefused, stdout.failure()) // cobra has neither as an error
	}
	if err != nil {
		report(env.Stderr, err)
		return exitCode(err)
	}
	opts.prune() // the answer is out
	return 0
}

// watched remembers that a write failed.
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

// usageArgs makes a check of arguments fail with an error of class Usage.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageErrorOf(cmd, err, args...)
		}
		return nil
	}
}

// oneCluster is the check of arguments that must name one cluster.
func oneCluster(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return errors.New("no cluster is named")
	case 1:
		return nil
	}
	return errors.New("more than one cluster is named")
}
