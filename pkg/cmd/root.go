package cmd

import (
	"io"

	"github.com/spf13/cobra"
)

// command is a subcommand of the root.
type command struct {
	name       string
	build      func(*options) *cobra.Command
	forClients bool // Kubernetes clients may run it
}

func commands() []command {
	return []command{
		{"exec-credential", newExecCredential, true},
		{"auth", newAuth, false},
		{"kubeconfig", newKubeconfig, false},
		{"cluster", newCluster, false},
		{"credentials", newCredentials, false},
		{"cache", newCache, false},
		{"doctor", newDoctor, false},
		{"version", newVersion, true},
	}
}

// newRoot returns the root command. It builds only the subcommands that the arguments call: building them
// all would slow down every kubectl.
func newRoot(opts *options) *cobra.Command {
	e := &bare{execCredential: execCredential{options: opts}}
	root := &cobra.Command{
		Use:                        "doks-auth",
		Short:                      "A kubectl exec credential plugin for DigitalOcean Kubernetes",
		Long:                       rootHelp,
		Example:                    rootExample,
		Args:                       usageArgs(noArgs),
		RunE:                       e.run,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageErrorOf(cmd, err) })
	root.SetHelpFunc(printHelp)
	root.SetUsageFunc(printUsage)
	opts.addFlags(root.PersistentFlags())
	e.addFlags(root.Flags())
	if !opts.byClient() { // whose --version is doctl's: see usageErrorOf
		addVersionFlag(root.Flags(), &e.showVersion)
	}
	for _, c := range commands() {
		root.AddCommand(refused(c.name)) // a placeholder, replaced below if it is called
	}
	if opts.byClient() {
		refuseAll(root)
	}
	called, _, _ := root.Find(opts.Args)
	for _, c := range commands() {
		isCalled, isShown := called.Name() == c.name, called == root && !opts.byClient()
		if isCalled && (c.forClients || !opts.byClient()) || isShown {
			stub, _, _ := root.Find([]string{c.name})
			root.RemoveCommand(stub)
			root.AddCommand(c.build(opts))
		}
	}
	if opts.byClient() {
		root.SetHelpFunc(func(*cobra.Command, []string) { opts.helpRefused = refusal() })
	} else if opts.isCompletion() {
		opts.prepareCompletion(root)
	}
	return root
}

// bare is the root command without a subcommand.
type bare struct {
	execCredential

	showVersion bool
}

// run runs the root command: it prints an overview if there is no request, and a person to read it. Otherwise it does
// what exec-credential does: a client takes what is printed for a credential.
func (e *bare) run(cmd *cobra.Command, args []string) error {
	if e.showVersion {
		_, err := io.WriteString(e.Stdout, thisBuild().line())
		return err
	}
	if e.isAtTerminal() {
		e.help = func() string { return overview(cmd) }
	}
	return e.prints(e.answer)(cmd, args)
}

// isAtTerminal reports whether standard input or output is a person's terminal.
func (e *bare) isAtTerminal() bool {
	return e.StdinIsTerminal() || e.StdoutIsTerminal != nil && e.StdoutIsTerminal()
}

const rootHelp = `doks-auth provides Kubernetes clients with credentials for DigitalOcean Kubernetes clusters.

kubectl and other clients run it as the exec plugin that a user in the kubeconfig names. It answers from an
encrypted cache in a few milliseconds, and calls the DigitalOcean API only when it must.

The access token for the API comes from the first of these that is given: --token-file, --account, --context,
the variables DIGITALOCEAN_ACCESS_TOKEN, DIGITALOCEAN_TOKEN and DIGITALOCEAN_TOKEN_FILE, the current login of
'doks-auth auth login', doctl's current context.

Without a command, doks-auth does what exec-credential does if it finds an ExecCredential request in
KUBERNETES_EXEC_INFO or on standard input; else it prints an overview on a terminal, and fails elsewhere.

Exit codes: 0 success, 2 usage or configuration, 3 access refused, 4 no such cluster, 5 API unreachable,
6 unusable answer, 7 refused for safety, 1 anything else.`

const rootExample = `  doks-auth auth login
  doks-auth kubeconfig save production
  doks-auth doctor`
