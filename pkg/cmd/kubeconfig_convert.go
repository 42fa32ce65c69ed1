package cmd

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// kubeconfigConvert is the command that replaces doctl with this program in the kubeconfig.
type kubeconfigConvert struct {
	kubeconfigEntries

	files  kubeconfigFiles
	dryRun bool
}

func newKubeconfigConvert(opts *options) *cobra.Command {
	v := &kubeconfigConvert{kubeconfigEntries: kubeconfigEntries{options: opts}}
	cmd := &cobra.Command{
		Use:   "convert",
		Short: "Replace doctl with doks-auth in the kubeconfig",
		Long: `convert changes the users in the kubeconfig that run doctl: they then run doks-auth, for the same cluster
in the same protocol version, and with the same doctl context. Everything else stays the same, byte for byte.
It reports what it changed, and what it left and why. It calls neither the API nor doctl.

For users with single sign-on, it also records the OpenID provider, and the cluster's server and certificate
authority, from the kubeconfig: convert only a kubeconfig that you trust.`,
		Example: `  doks-auth kubeconfig convert --dry-run
  doks-auth kubeconfig convert`,
		Args:              usageArgs(noArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			exec, err := v.execs()
			if err != nil {
				return err
			}
			var out strings.Builder
			convert := func(c *kubeconfig.Config) error {
				v.report(&out, c.Convert(exec, v.acceptSSO(cmd.Context())))
				return nil
			}
			if v.dryRun {
				_, err = bounded(cmd.Context(), opts, func(context.Context) (struct{}, error) {
					return struct{}{}, v.check(convert)
				})
			} else {
				err = v.files.edit(cmd.Context(), opts, convert)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(opts.Stdout, out.String())
			return err
		},
	}
	flags := cmd.Flags()
	v.files.addFlag(flags)
	flags.Var(given{&v.command}, "command", commandUsage)
	flags.Var(given{&v.execAPIVersion}, "exec-api-version",
		"protocol `version` for clients to use, v1 or v1beta1 (default the one that the entry has)")
	flags.BoolVar(&v.dryRun, "dry-run", false, "print the lines that would change, and modify nothing")
	return cmd
}

// execs returns how clients should run this program if they ran doctl as old says. The protocol version stays, since
// some clients know only one, unless another one is chosen, or this program doesn't know it: v1alpha1, say.
func (v *kubeconfigConvert) execs() (func(old kubeconfig.Exec) kubeconfig.Exec, error) {
	execs := make(map[execcredential.Version]kubeconfig.Exec)
	for _, version := range []execcredential.Version{execcredential.V1, execcredential.V1Beta1} {
		entries := v.kubeconfigEntries
		entries.execAPIVersion = cmp.Or(v.execAPIVersion, string(version))
		exec, err := entries.exec(new(accounts.Account))
		if err == nil {
			err = exec.Check()
		}
		if err != nil {
			return nil, err
		}
		execs[version] = exec
	}
	return func(old kubeconfig.Exec) kubeconfig.Exec {
		version, err := execcredential.ParseVersion(old.APIVersion)
		if err != nil {
			version = execcredential.V1Beta1 // all clients but the oldest and the newest know it
		}
		return execs[version]
	}, nil
}

// acceptSSO returns what decides whether a user with single sign-on is converted. It records what clients' runs will
// need, unless nothing is to be modified.
func (v *kubeconfigConvert) acceptSSO(ctx context.Context) func(kubeconfig.Exec, *kubeconfig.Cluster) error {
	return func(to kubeconfig.Exec, cluster *kubeconfig.Cluster) error {
		entry, _, err := v.parseEntry(&to)
		if err == nil {
			err = entry.sso.check()
		}
		if err != nil {
			return err
		}
		client, id := entry.sso.client(), string(clusterIDOf(&to))
		if !to.ProvideClusterInfo { // a tunnel, whose server isn't checked
			if !v.dryRun {
				_, err = v.sessions().Record(ctx, client)
			}
			return err
		}
		found, err := v.pinnable(id, cluster, client)
		if err == nil && !v.dryRun {
			err = v.record(ctx, found)
		}
		return err
	}
}

// report writes what became of each entry.
func (v *kubeconfigConvert) report(w *strings.Builder, done []kubeconfig.Conversion) {
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
		if d.Converted {
			fmt.Fprintf(w, " (%s)", versionChange(d.Old.APIVersion, d.New.APIVersion))
		}
		if note := conversionNote(d); note != "" {
			fmt.Fprintf(w, ": %s", note)
		}
		fmt.Fprintln(w)
		if d.Converted && v.dryRun {
			writeDifference(w, shownExec(d.Old), shownExec(d.New))
		}
	}
}

// versionChange says what became of an entry's protocol version.
func versionChange(old, new string) string {
	old, new = path.Base(old), path.Base(new)
	switch {
	case old == new:
		return "still " + new
	case isShown(old) && old != ".": // of none
		return new + " instead of " + old
	}
	return "now " + new
}

// check returns an error if the edit can't be made.
func (v *kubeconfigConvert) check(edit func(*kubeconfig.Config) error) error {
	config, err := kubeconfig.Read(v.files.paths(v.options))
	if err != nil {
		return err
	}
	if err := edit(config); err != nil {
		return err
	}
	_, err = config.Changes()
	return err
}

// writeDifference writes the lines that are in only one of two texts.
func writeDifference(w *strings.Builder, old, new []string) {
	for _, line := range old {
		if !slices.Contains(new, line) {
			fmt.Fprintf(w, "-      %s\n", line)
		}
	}
	for _, line := range new {
		if !slices.Contains(old, line) {
			fmt.Fprintf(w, "+      %s\n", line)
		}
	}
}

// shownExec returns how clients run a plugin, in lines like a kubeconfig's. It shows only values that can't be
// secrets.
func shownExec(exec kubeconfig.Exec) []string {
	version := notShown
	if isShown(exec.APIVersion) {
		version = exec.APIVersion
	}
	lines := []string{"apiVersion: " + version, "command: " + shownCommand(exec.Command), "args:"}
	for _, arg := range exec.Args {
		lines = append(lines, "- "+shownArg(arg))
	}
	for _, field := range []struct{ name, value string }{
		{"interactiveMode", exec.InteractiveMode}, {"installHint", exec.InstallHint},
	} {
		switch {
		case field.value == "":
		case field.value == installHint || isShown(field.value):
			lines = append(lines, field.name+": "+field.value)
		default:
			lines = append(lines, field.name+": "+notShown)
		}
	}
	return append(lines, fmt.Sprintf("provideClusterInfo: %t", exec.ProvideClusterInfo))
}

const notShown = "(not shown)"

// shownCommand returns a command, unless it may be more than a path.
func shownCommand(command string) string {
	if isShown(command) || isAbsolute(command) {
		return oneLine(command)
	}
	return notShown
}

// isAbsolute reports whether a path is absolute on any system: kubeconfigs are copied from one to another.
func isAbsolute(path string) bool { return regexp.MustCompile(`^/|^[A-Za-z]:[\\/]`).MatchString(path) }

// argWords matches words that can be shown as arguments: this program's and doctl's commands.
const argWords = `^(kubernetes|kube|k8s|k|clusters?|c|kubeconfig|kubecfg|k8scfg|config|cfg|exec-credential)$`

// shownArg returns an argument of this program or doctl, with its value only if that can't be a secret.
func shownArg(arg string) string {
	name, value, hasValue := strings.Cut(arg, "=")
	switch {
	case regexp.MustCompile(argWords).MatchString(arg):
		return arg
	case !strings.HasPrefix(arg, "-"):
		if id, err := digitalocean.ParseClusterID(arg); err == nil {
			return string(id)
		}
		return notShown
	case !regexp.MustCompile(`^(-[a-z]|--[a-z][a-z-]{1,39})$`).MatchString(name):
		return notShown
	case !hasValue:
		return name
	}
	switch name {
	case "--account", "--context", "--version", "--api-version", "--expiry-seconds", "--sso-client-id",
		"--sso-callback-port":
		if isShown(value) {
			return arg
		}
	case "--token-file", "--cache-dir", "--shared-cache-file":
		if isAbsolute(value) {
			return oneLine(arg)
		}
	case "--api-url", "--sso-issuer-url", "--issuer-url":
		return name + "=" + shownURL(value)
	}
	return name + "=" + notShown
}
