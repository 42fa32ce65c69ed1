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

	"github.com/doks-auth/doks-auth/pkg/execcredential"
)

// System is the world around a run.
type System struct {
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
func Run(ctx context.Context, sys System) int {
	stdout := &watched{Writer: sys.Stdout}
	sys.Stdout = stdout
	opts := &options{System: sys, fetched: new(atomic.Bool)}
	root := newRoot(opts)
	root.SetArgs(sys.Args)
	root.SetIn(sys.Stdin)
	root.SetOut(stdout)
	root.SetErr(sys.Stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = cmp.Or(opts.helpRefused, stdout.failure()) // cobra has neither as an error
	}
	if err != nil {
		report(sys.Stderr, err)
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

func newRoot(opts *options) *cobra.Command {
	e := &execCredential{options: opts}
	root := &cobra.Command{
		Use:                        "doks-auth",
		Short:                      "A kubectl exec credential plugin for DigitalOcean Kubernetes",
		Long:                       rootHelp,
		Args:                       usageArgs(cobra.NoArgs),
		RunE:                       e.bare,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageErrorOf(cmd, err) })
	opts.addFlags(root.PersistentFlags())
	e.addFlags(root.Flags())
	root.AddCommand(newExecCredential(opts), newVersion(opts))
	if opts.byClient() {
		refuseAll(root, "cluster", "credentials", "cache", "kubeconfig", "doctor")
		root.SetHelpFunc(func(*cobra.Command, []string) { opts.helpRefused = refusal() })
		return root
	}
	root.RegisterFlagCompletionFunc("context", opts.completeContexts)
	root.AddCommand(newCluster(opts), newCredentials(opts), newCache(opts), newKubeconfig(opts), newDoctor(opts))
	return root
}

// bare is what the root command does: with a request it is exec-credential, without one it helps.
func (e *execCredential) bare(cmd *cobra.Command, args []string) error {
	err := e.prints(func(ctx context.Context, args []string) ([]byte, error) {
		request, late, err := e.request(ctx)
		if err != nil {
			return nil, err
		}
		return e.respond(ctx, request, late, args)
	})(cmd, args)
	if errors.Is(err, execcredential.ErrNoRequest) {
		return cmd.Help()
	}
	return err
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

const rootHelp = `doks-auth gives Kubernetes clients their credentials for DigitalOcean Kubernetes clusters.

kubectl and other clients run it where a kubeconfig's user names it. It answers from a sealed cache
in a few milliseconds, and asks the DigitalOcean API only when it must.

To begin, and when something doesn't work:

  doks-auth kubeconfig save CLUSTER
  doks-auth doctor

The access token of the DigitalOcean API comes from --token-file, from --context, from the variables
DIGITALOCEAN_ACCESS_TOKEN and DIGITALOCEAN_TOKEN, or from doctl's current context: the first that is
given.

Without a command, and with an ExecCredential request in KUBERNETES_EXEC_INFO or on standard input,
it does what exec-credential does.

Exit codes: 0 success, 2 usage or configuration, 3 access refused, 4 no such cluster, 5 the API can't
be reached, 6 an answer that can't be used, 7 refused for safety, 1 anything else.`
