package cmd

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

func (d *doctor) checkProgram(context.Context) []finding {
	path, err := d.Executable()
	if err != nil {
		return []finding{failure("program", fmt.Errorf("locating this program: %w", err))}
	}
	return []finding{ok("program", "%s, version %s", path, version())}
}

// saveHint fixes most of what can be wrong with an entry.
const saveHint = "'doks-auth kubeconfig save CLUSTER' rewrites the entry"

// checkEntry checks one user. The findings don't name it.
func (d *doctor) checkEntry(user kubeconfig.User) []finding {
	const check = "kubeconfig"
	var findings []finding
	fail := func(hint, format string, args ...any) {
		findings = append(findings, failuref(check, hint, format, args...))
	}
	warn := func(hint, format string, args ...any) {
		findings = append(findings, warning(check, hint, format, args...))
	}
	version, err := execcredential.ParseVersion(user.Exec.APIVersion)
	if err != nil {
		fail(saveHint, "its apiVersion%s isn't one that clients support", shownValue(user.Exec.APIVersion))
	}
	switch mode := user.Exec.InteractiveMode; {
	case mode == "" && version == execcredential.V1:
		fail("add interactiveMode: Never", "it has no interactiveMode, which v1 requires")
	case mode == "Always":
		fail("set interactiveMode: Never", "with interactiveMode: Always, clients fail without a terminal")
	case !slices.Contains([]string{"", "Never", "IfAvailable"}, mode):
		fail("set interactiveMode: Never", "its interactiveMode%s isn't one that clients support", shownValue(mode))
	}
	entry, args, err := d.parseEntry(user.Exec)
	switch {
	case err != nil:
		fail(saveHint, "its args are invalid: %v", err)
	case len(args) == 0 && !user.Exec.ProvideClusterInfo:
		fail("set provideClusterInfo: true",
			"it doesn't say which cluster: it has neither provideClusterInfo nor a cluster id in its args")
	case !user.Exec.ProvideClusterInfo:
		warn("set provideClusterInfo: true", "without provideClusterInfo the cluster's server isn't checked")
	}
	if err == nil && entry.skipServerCheck {
		warn("remove --skip-server-check from its args, unless the server is your own tunnel",
			"the cluster's server isn't checked (--skip-server-check)")
	}
	if err == nil {
		if err := entry.checkForClients(); credential.ClassOf(err) == credential.Unsafe {
			f := failure(check, err)
			fail(f.Hint, "%s", f.Message)
		}
	}
	return append(findings, d.checkCommand(user)...)
}

// parseEntry parses an entry's arguments, in the environment that the entry sets, as exec-credential would. It
// also returns the arguments that aren't flags.
func (o *options) parseEntry(entry *kubeconfig.Exec) (*execCredential, []string, error) {
	own := &options{Env: o.Env, later: o.later, forClient: true}
	own.Getenv = func(name string) string {
		for _, variable := range entry.Env {
			if variable["name"] == name {
				return variable["value"]
			}
		}
		return o.Getenv(name)
	}
	e := &execCredential{options: own}
	flags := pflag.NewFlagSet("exec-credential", pflag.ContinueOnError)
	flags.Usage = func() {}
	own.addFlags(flags)
	e.addFlags(flags)
	if err := flags.Parse(entry.Args); err != nil {
		return nil, nil, flagError(err)
	}
	args := flags.Args()
	switch {
	case len(args) > 0 && args[0] == "exec-credential":
		args = args[1:]
	case len(args) > 0:
		return nil, nil, fmt.Errorf("unknown command%s", shownValue(args[0]))
	}
	if len(args) > 1 {
		return nil, nil, fmt.Errorf("they name more than one cluster")
	}
	if len(args) == 1 {
		if _, err := digitalocean.ParseClusterID(args[0]); err != nil {
			return nil, nil, fmt.Errorf("argument%s is not a cluster id", shownValue(args[0]))
		}
	}
	return e, args, nil
}

// shownValue returns a space and the quoted value, or "" if the value may be a misplaced secret.
func shownValue(value string) string {
	if !isShown(value) {
		return ""
	}
	return fmt.Sprintf(" %q", value)
}

// desktopPath is the usual PATH of programs that are started from a desktop, except on Windows.
const desktopPath = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

// checkCommand checks that clients find the program. The findings don't name the user.
func (d *doctor) checkCommand(user kubeconfig.User) []finding {
	command := user.Exec.Command
	looked := command
	if filepath.Base(command) != command && !filepath.IsAbs(command) {
		looked = filepath.Join(user.Dir(), command) // as in client-go
	}
	found, err := exec.LookPath(looked)
	shown := shownCommand(command)
	switch {
	case err != nil && filepath.Base(command) == command:
		return []finding{failuref("kubeconfig", "install it there, or set command to its absolute path; "+saveHint,
			"its command %q isn't on the PATH", shown)}
	case err != nil:
		return []finding{failuref("kubeconfig", saveHint, "its command %q isn't a program", shown)}
	case filepath.Base(command) == command && runtime.GOOS != "windows" &&
		!slices.Contains(strings.Split(desktopPath, ":"), filepath.Dir(found)):
		return []finding{warning("kubeconfig", "set command to "+found+"; "+saveHint,
			"programs that are started from a desktop may not find its command %q", shown)}
	}
	if own, err := d.Executable(); err == nil && !sameFile(own, found) {
		return []finding{warning("kubeconfig", saveHint, "it runs a different doks-auth: %s", found)}
	}
	return nil
}
