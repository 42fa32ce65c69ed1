package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// doctor is the command that looks for what is wrong.
type doctor struct {
	*options

	files  kubeconfigFiles
	output *output

	args   []string
	config *kubeconfig.Config       // empty when it can't be read
	acting *options                 // those of the user in the kubeconfig that is looked at, or else our own
	token  digitalocean.AccessToken // none when it can't be found
}

// finding is what a check found.
type finding struct {
	Check   string `json:"check"`
	Status  status `json:"status"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do
}

type status string

const (
	statusOK      status = "ok"
	statusWarning status = "warning"
	statusFailure status = "failure"
)

// errUnhealthy is the error of a run that found a failure, which it printed.
var errUnhealthy = errors.New("something is wrong: see above")

func newDoctor(opts *options) *cobra.Command {
	d := &doctor{options: opts}
	cmd := &cobra.Command{
		Use:   "doctor [CLUSTER]",
		Short: "Look for what keeps clients from working, and say what to do",
		Long: `doctor checks, in this order, the program, the kubeconfig's entries, the access token, the API, the
clock, the cache, and the whole way to the API server of the cluster that is named, or of the current
context: each in a line, with what to do about it.

It prints no secret. It mints no credential, unless the cluster has none in the cache, as kubectl would.
The exit code is 1 when something failed; warnings don't count.`,
		Example: `  doks-auth doctor
  doks-auth doctor production
  doks-auth doctor -o json`,
		Args:              usageArgs(cobra.MaximumNArgs(1)),
		ValidArgsFunction: opts.completeCluster,
		RunE: func(cmd *cobra.Command, args []string) error {
			d.args, d.config, d.acting = args, new(kubeconfig.Config), opts
			return d.examine(cmd.Context())
		},
	}
	d.output = addOutputFlag(cmd, formatTable, formatJSON, formatYAML)
	d.files.addFlag(cmd.Flags())
	return cmd
}

// check is one of doctor's. What it finds out for later checks is kept by keep, if that isn't nil: a check that
// ran out of its time may go on, and mustn't change anything then.
type check struct {
	name string
	run  func(ctx context.Context) (found []finding, keep func())
}

// checks returns the checks, in their order.
func (d *doctor) checks() []check {
	only := func(run func(context.Context) []finding) func(context.Context) ([]finding, func()) {
		return func(ctx context.Context) ([]finding, func()) { return run(ctx), nil }
	}
	return []check{
		{"program", only(d.checkProgram)},
		{"kubeconfig", d.readKubeconfig},
		{"kubeconfig", only(d.checkEntries)},
		{"kubeconfig", d.actAsEntry},
		{"proxy", only(d.checkProxies)},
		{"kuberc", only(d.checkPolicy)},
		{"access token", d.findAccessToken},
		{"access token", only(d.checkAccessToken)},
		{"api", only(d.checkAPI)},
		{"cache", only(d.checkCache)},
		{"cluster", only(d.checkCluster)},
	}
}

// examine makes all checks, and prints what they find: in a table as they go.
func (d *doctor) examine(ctx context.Context) error {
	findings := []finding{}
	failed := false
	timeout, cancel := context.WithTimeout(ctx, max(d.timeout, 0))
	defer cancel()
	for _, check := range d.checks() {
		found := d.within(timeout, check)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case timeout.Err() != nil:
			found = []finding{failuref(check.name, "give a longer --timeout", "not checked any more, after %s", d.timeout)}
		}
		for _, f := range found {
			failed = failed || f.Status == statusFailure
		}
		findings = append(findings, found...)
		if d.output.format == formatTable {
			if err := writeFindings(d.Stdout, found); err != nil {
				return err
			}
		}
		if timeout.Err() != nil {
			break
		}
	}
	if d.output.format != formatTable {
		out, err := d.output.render(findings, nil)
		if err != nil {
			return err
		}
		if _, err := d.Stdout.Write(out); err != nil {
			return err
		}
	}
	if failed {
		return errUnhealthy
	}
	return nil
}

// readKubeconfig reads the files.
func (d *doctor) readKubeconfig(context.Context) ([]finding, func()) {
	config, err := kubeconfig.Read(d.files.paths(d.options))
	if err != nil {
		return []finding{failure("kubeconfig", err)}, nil
	}
	return nil, func() { d.config = config }
}

// actAsEntry has what follows act as the user in the kubeconfig that is looked at.
func (d *doctor) actAsEntry(context.Context) ([]finding, func()) {
	acting := d.actingFor(d.config, d.args)
	return nil, func() { d.acting = acting }
}

// findAccessToken finds the access token.
func (d *doctor) findAccessToken(context.Context) ([]finding, func()) {
	token, err := d.acting.accessToken()
	if err != nil {
		return []finding{failure("access token", err)}, nil
	}
	return nil, func() { d.token = token }
}

// actingFor returns the options of the user in the kubeconfig that is looked at, unless those of the
// command line say whose access token is to be used, or the user's would send it elsewhere.
func (d *doctor) actingFor(config *kubeconfig.Config, args []string) *options {
	entry := d.entryOf(config, args)
	if entry == nil || d.tokenFile+d.context+d.apiURL != "" {
		return d.options
	}
	by, _, err := d.parseEntry(entry)
	if err != nil || d.checkAddress(by) != nil {
		return d.options
	}
	return by.options
}

// checkBudget bounds each check, so that the later ones are made as well.
const checkBudget = 10 * time.Second

// brief returns the options with the time of one check.
func (d *doctor) brief() *options {
	brief := *d.options
	brief.timeout = min(brief.timeout, checkBudget)
	return &brief
}

// within makes a check within its time.
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

func ok(check, format string, args ...any) finding {
	return finding{Check: check, Status: statusOK, Message: oneLine(fmt.Sprintf(format, args...))}
}

func warning(check, hint, format string, args ...any) finding {
	return finding{Check: check, Status: statusWarning, Message: oneLine(fmt.Sprintf(format, args...)), Hint: oneLine(hint)}
}

// failure returns the finding that an error is. Those of the network's may quote a proxy that isn't of the form
// which can be shown.
func failure(check string, err error) finding {
	f := finding{Check: check, Status: statusFailure, Message: oneLine(err.Error())}
	if name := oddProxy(); name != "" && credential.ClassOf(err) == credential.Unreachable {
		f.Message = "no answer; why is not shown, as " + name + " may be part of it"
	}
	f.Hint = oneLine(hintOf(err))
	return f
}

func failuref(check, hint, format string, args ...any) finding {
	f := warning(check, hint, format, args...)
	f.Status = statusFailure
	return f
}

// writeFindings writes a line for each finding, and one for what to do.
func writeFindings(w io.Writer, findings []finding) error {
	var out strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&out, "%-9s %-14s %s\n", f.Status, f.Check, f.Message)
		if f.Hint != "" {
			fmt.Fprintf(&out, "%-24s → %s\n", "", f.Hint)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}
