package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
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

	acting *options // those of the user in the kubeconfig that is looked at, or else our own
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
			findings := d.examine(cmd.Context(), args)
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if err := d.output.write(d.Stdout, findings, func(w io.Writer) { writeFindings(w, findings) }); err != nil {
				return err
			}
			for _, f := range findings {
				if f.Status == statusFailure {
					return errUnhealthy
				}
			}
			return nil
		},
	}
	d.output = addOutputFlag(cmd, formatTable, formatJSON, formatYAML)
	d.files.addFlag(cmd.Flags())
	return cmd
}

// examine makes all checks. One that can't be made for what an earlier one found is left out.
func (d *doctor) examine(ctx context.Context, args []string) []finding {
	findings := []finding{d.checkProgram()}
	config, err := bounded(ctx, d.brief(), func(context.Context) (*kubeconfig.Config, error) {
		return kubeconfig.Read(d.files.paths(d.options))
	})
	if err != nil {
		findings = append(findings, failure("kubeconfig", err))
		config = new(kubeconfig.Config)
	} else {
		findings = append(findings, d.within(ctx, "kubeconfig", func(context.Context) []finding { return d.checkEntries(config) })...)
	}
	d.acting, err = bounded(ctx, d.brief(), func(context.Context) (*options, error) { return d.actingFor(config, args), nil })
	if err != nil {
		d.acting = d.options
	}
	findings = append(findings, checkProxies(config)...)
	findings = append(findings, d.within(ctx, "kuberc", func(context.Context) []finding { return d.checkPolicy(config) })...)
	token, err := bounded(ctx, d.brief(), func(context.Context) (digitalocean.AccessToken, error) { return d.acting.accessToken() })
	if err != nil {
		findings = append(findings, failure("access token", err))
	} else {
		findings = append(findings, d.within(ctx, "access token", func(context.Context) []finding { return d.checkAccessToken(token) })...)
		findings = append(findings, d.within(ctx, "api", func(ctx context.Context) []finding { return d.checkAPI(ctx, token) })...)
	}
	findings = append(findings, d.within(ctx, "cache", d.checkCache)...)
	return append(findings, d.within(ctx, "cluster", func(ctx context.Context) []finding { return d.checkCluster(ctx, config, args) })...)
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
func (d *doctor) within(ctx context.Context, name string, check func(context.Context) []finding) []finding {
	findings, err := bounded(ctx, d.brief(), func(ctx context.Context) ([]finding, error) { return check(ctx), nil })
	if err != nil {
		return []finding{failure(name, err)}
	}
	return findings
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
func writeFindings(w io.Writer, findings []finding) {
	for _, f := range findings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Status, f.Check, f.Message)
		if f.Hint != "" {
			fmt.Fprintf(w, "\t\t→ %s\n", f.Hint)
		}
	}
}
