package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/kubeconfig"
)

// kubeconfigConvert is the command that puts this program in doctl's place.
type kubeconfigConvert struct {
	kubeconfigEntries

	files  kubeconfigFiles
	dryRun bool
}

func newKubeconfigConvert(opts *options) *cobra.Command {
	v := &kubeconfigConvert{kubeconfigEntries: kubeconfigEntries{fetching: fetching{options: opts}, execAPIVersion: "v1"}}
	cmd := &cobra.Command{
		Use:   "convert",
		Short: "Put doks-auth in doctl's place in the kubeconfig",
		Long: `convert makes the users in the kubeconfig that run doctl run this program, with the same cluster and the
same context of doctl's. All else stays byte for byte. It tells what it changed, and what it left and why:
sign-on by SSO is doctl's, for one. Neither the API nor doctl is asked.`,
		Example: `  doks-auth kubeconfig convert --dry-run
  doks-auth kubeconfig convert`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			exec, err := v.exec(digitalocean.AccessToken{})
			if err != nil {
				return err
			}
			var told strings.Builder
			convert := func(c *kubeconfig.Config) error {
				v.tell(&told, c.Convert(exec))
				return nil
			}
			if v.dryRun {
				_, err = bounded(cmd.Context(), opts, func(context.Context) (struct{}, error) {
					return struct{}{}, v.showChanges(&told, convert)
				})
			} else {
				err = v.files.edit(cmd.Context(), opts, convert)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(opts.Stdout, told.String())
			return err
		},
	}
	flags := cmd.Flags()
	v.files.addFlag(flags)
	flags.Var(given{&v.command}, "command", "have clients run this `program` (default this one, by its absolute path)")
	flags.BoolVar(&v.dryRun, "dry-run", false, "show the difference that it would make, and change nothing")
	return cmd
}

// tell says what became of each entry.
func (v *kubeconfigConvert) tell(w *strings.Builder, done []kubeconfig.Conversion) {
	if len(done) == 0 {
		fmt.Fprintln(w, "no user runs doctl")
	}
	for _, d := range done {
		what := "left"
		switch {
		case d.Converted && v.dryRun:
			what = "would convert"
		case d.Converted:
			what = "converted"
		}
		fmt.Fprintf(w, "%s user %q", what, d.User)
		if d.Note != "" {
			fmt.Fprintf(w, ": %s", d.Note)
		}
		fmt.Fprintln(w)
	}
}

// showChanges adds the difference that an edit would make, without the secrets of users that stand
// beside those that are changed.
func (v *kubeconfigConvert) showChanges(w *strings.Builder, edit func(*kubeconfig.Config) error) error {
	config, err := kubeconfig.Read(v.files.paths(v.options))
	if err != nil {
		return err
	}
	if err := edit(config); err != nil {
		return err
	}
	changes, err := config.Changes()
	if err != nil {
		return err
	}
	for _, change := range changes {
		lines := diff.Diff(change.Path, kubeconfig.Redact(nil), change.Path, kubeconfig.Redact(change.New))
		for line := range strings.Lines(string(lines)) {
			if !strings.HasPrefix(line, " ") { // what stands around the changes is nobody's business
				w.WriteString(line)
			}
		}
	}
	return nil
}
