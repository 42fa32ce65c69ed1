package cmd

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// doctor is the command that diagnoses the setup.
type doctor struct {
	*options

	files  kubeconfigFiles
	output *output

	args   []string
	config *kubeconfig.Config // empty if it can't be read
	entry  *kubeconfig.Exec   // of the kubeconfig's user that is checked; nil: none, or not to be acted as
	acting *options           // those of that user, or else our own
	found  *accounts.Account  // nil if there is none
	listed *listing           // the clusters of that account; nil if it may not list them
	broken bool               // the account or the API can't be used, and a finding says why
}

func newDoctor(opts *options) *cobra.Command {
	d := &doctor{options: opts}
	cmd := &cobra.Command{
		Use:   "doctor [CLUSTER]",
		Short: "Diagnose the setup, and say how to fix it",
		Long: `doctor checks, in this order, the program, the kubeconfig, single sign-on, the access token, the API, the clock,
the cache, and the connection to the API server of a cluster: the current context's, or the one that is given by a
context, a name or an id. It connects as kubectl would, to the server and through the proxy that the kubeconfig
names. It prints a line for each finding, how to fix what is wrong, and a verdict.

It prints no secret. It fetches a credential only if none is cached for the cluster, as kubectl would. It gives
the credential only to a server that proves to be the cluster's. The exit code is 1 if something failed;
warnings don't count.`,
		Example: `  doks-auth doctor
  doks-auth doctor do-fra1-production
  doks-auth doctor -o json`,
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: d.files.completeContext(opts),
		RunE: func(cmd *cobra.Command, args []string) error {
			d.args, d.config, d.acting = args, new(kubeconfig.Config), opts
			return d.examine(cmd.Context())
		},
	}
	d.output = addOutputFlag(cmd, formatTable, formatJSON, formatYAML)
	d.files.addFlag(cmd.Flags())
	return cmd
}

// check is one of doctor's checks. If keep isn't nil, it stores what later checks need. run itself must not: it
// may still be running after its time is up.
type check struct {
	name string
	run  func(ctx context.Context) (found []finding, keep func())
}

// checks returns the checks, in order.
func (d *doctor) checks() []check {
	only := func(run func(context.Context) []finding) func(context.Context) ([]finding, func()) {
		return func(ctx context.Context) ([]finding, func()) { return run(ctx), nil }
	}
	return []check{
		{"program", only(d.checkProgram)},
		{"kubeconfig", d.readKubeconfig},
		{"kubeconfig", only(d.checkFiles)},
		{"kubeconfig", only(d.checkEntries)},
		{"kubeconfig", d.actAsEntry},
		{"proxy", only(d.checkProxies)},
		{"kuberc", only(d.checkPolicy)},
		{checkSSO, only(d.checkSessions)},
		{"access token", d.findAccessToken},
		{"access token", only(d.checkAccessToken)},
		{"api", d.checkAPI},
		{"kubeconfig", only(d.checkListed)},
		{"cache", only(d.checkCache)},
		{"shared cache", only(d.checkSharedCache)},
		{"cluster", only(d.checkCluster)},
	}
}

// examine runs all checks, and prints their findings and a verdict. A table is printed as they run.
func (d *doctor) examine(ctx context.Context) error {
	findings := []finding{}
	timeout, cancel := context.WithTimeout(ctx, max(d.timeout, 0))
	defer cancel()
	for _, check := range d.checks() {
		found := d.within(timeout, check)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case timeout.Err() != nil:
			found = []finding{failuref(check.name, "use a longer --timeout",
				"not checked: time ran out after %s", d.timeout)}
		}
		findings = append(findings, found...)
		if d.output.isTable() {
			if err := d.writeFindings(found); err != nil {
				return err
			}
		}
		if timeout.Err() != nil {
			break
		}
	}
	return d.conclude(findings)
}

// conclude prints the verdict, or all findings if they aren't printed as a table. It returns an error if there was a
// failure.
func (d *doctor) conclude(findings []finding) error {
	verdict, failed := verdict(findings)
	out := []byte(verdict + "\n")
	if !d.output.isTable() {
		var err error
		if out, err = d.output.render(findings, nil); err != nil {
			return err
		}
	}
	if _, err := d.Stdout.Write(out); err != nil {
		return err
	}
	if failed {
		return &unhealthy{verdict, d.output.isTable()}
	}
	return nil
}

// actAsEntry makes the following checks act as the kubeconfig's user that is checked.
func (d *doctor) actAsEntry(context.Context) ([]finding, func()) {
	entry, acting := d.actingFor(d.config, d.args)
	return nil, func() { d.entry, d.acting = entry, acting }
}

func (d *doctor) findAccessToken(context.Context) ([]finding, func()) {
	found, err := d.acting.sources().Find()
	if errors.Is(err, accounts.ErrNoAccessToken) && d.usesSSO() {
		return nil, nil // none is needed
	}
	if err != nil {
		return []finding{failure("access token", d.acting.notFound(err))}, func() { d.broken = true }
	}
	return nil, func() { d.found = found }
}

// actingFor returns the kubeconfig's user that is checked, and its options. It returns our own options if the
// command line chooses an access token, or if the user's would send it to another API.
func (d *doctor) actingFor(config *kubeconfig.Config, args []string) (*kubeconfig.Exec, *options) {
	entry := d.entryOf(config, args)
	if entry == nil || d.tokenFile+d.login+d.context+d.apiURL != "" {
		return nil, d.options
	}
	by, _, err := d.parseEntry(entry)
	if err != nil || d.checkAddress(by) != nil {
		return nil, d.options
	}
	return entry, by.options
}

// checkBudget bounds each check, so that there is time for the later ones.
const checkBudget = 10 * time.Second

// brief returns the options with the timeout of one check.
func (d *doctor) brief() *options {
	brief := *d.options
	brief.timeout = min(brief.timeout, checkBudget)
	return &brief
}

// within runs a check within its time limit.
func (d *doctor) within(ctx context.Context, c check) []finding {
	type result struct {
		found []finding
		keep  func()
	}
	r, err := bounded(ctx, d.brief(), func(ctx context.Context) (result, error) {
		found, keep := c.run(ctx)
		return result{found, keep}, nil
	})
	if err != nil {
		return []finding{failure(c.name, err)}
	}
	if r.keep != nil {
		r.keep()
	}
	return r.found
}
