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
	acting *options           // those of the kubeconfig's user that is checked, or else our own
	found  *accounts.Account  // nil if there is none
}

// finding is one result of a check.
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

// errUnhealthy is the error of a run that found and printed a failure.
var errUnhealthy = errors.New("something is wrong: see above")

func newDoctor(opts *options) *cobra.Command {
	d := &doctor{options: opts}
	cmd := &cobra.Command{
		Use:   "doctor [CLUSTER]",
		Short: "Diagnose the setup, and say how to fix it",
		Long: `doctor checks, in this order, the program, the kubeconfig's entries, the access token, the API, the
clock, the cache, and the connection to the API server of the given cluster, or of the current context's.
It prints one line per finding, and how to fix what is wrong.

It prints no secret. It fetches a credential only if none is cached for the cluster, as kubectl would.
The exit code is 1 if something failed; warnings don't count.`,
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

// examine runs all checks, and prints their findings. A table is printed as they run.
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
			found = []finding{failuref(check.name, "use a longer --timeout",
				"not checked: time ran out after %s", d.timeout)}
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

// readKubeconfig reads the kubeconfig files.
func (d *doctor) readKubeconfig(context.Context) ([]finding, func()) {
	config, err := kubeconfig.Read(d.files.paths(d.options))
	if err != nil {
		return []finding{failure("kubeconfig", err)}, nil
	}
	return nil, func() { d.config = config }
}

// actAsEntry makes the following checks act as the kubeconfig's user that is checked.
func (d *doctor) actAsEntry(context.Context) ([]finding, func()) {
	acting := d.actingFor(d.config, d.args)
	return nil, func() { d.acting = acting }
}

func (d *doctor) findAccessToken(context.Context) ([]finding, func()) {
	found, err := d.acting.sources().Find()
	if err != nil {
		return []finding{failure("access token", d.acting.notFound(err))}, nil
	}
	return nil, func() { d.found = found }
}

// actingFor returns the options of the kubeconfig's user that is checked. It returns our own if the command
// line chooses an access token, or if the user's options would send it to another API.
func (d *doctor) actingFor(config *kubeconfig.Config, args []string) *options {
	entry := d.entryOf(config, args)
	if entry == nil || d.tokenFile+d.login+d.context+d.apiURL != "" {
		return d.options
	}
	by, _, err := d.parseEntry(entry)
	if err != nil || d.checkAddress(by) != nil {
		return d.options
	}
	return by.options
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

func ok(check, format string, args ...any) finding {
	return finding{Check: check, Status: statusOK, Message: oneLine(fmt.Sprintf(format, args...))}
}

func warning(check, hint, format string, args ...any) finding {
	message := oneLine(fmt.Sprintf(format, args...))
	return finding{Check: check, Status: statusWarning, Message: message, Hint: oneLine(hint)}
}

// failure returns an error as a finding. It doesn't show a network error if that may quote a proxy address that
// can't be shown.
func failure(check string, err error) finding {
	f := finding{Check: check, Status: statusFailure, Message: oneLine(err.Error())}
	if name := oddProxy(); name != "" && credential.ClassOf(err) == credential.Unreachable {
		f.Message = "no answer; the reason isn't shown, because it may contain " + name
	}
	f.Hint = oneLine(hintOf(err))
	return f
}

func failuref(check, hint, format string, args ...any) finding {
	f := warning(check, hint, format, args...)
	f.Status = statusFailure
	return f
}

// writeFindings writes each finding on a line, and its hint, if any, on another.
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
