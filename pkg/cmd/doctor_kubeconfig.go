package cmd

import (
	"context"
	"fmt"
	"os"
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
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
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

// checkEntries checks the users that run this program, or doctl.
func (d *doctor) checkEntries(context.Context) []finding {
	var findings []finding
	if len(d.config.Files(true))+len(d.config.Files(false)) == 0 {
		return nil // the kubeconfig can't be read
	}
	for _, path := range d.config.Files(true) {
		findings = append(findings, ok("kubeconfig", "%s doesn't exist", path))
	}
	users, doctls := 0, 0
	for _, user := range d.config.Users {
		switch {
		case !user.Exec.IsOurs():
			continue
		case user.Exec.Program() == "doctl":
			doctls++
			findings = append(findings, warning("kubeconfig",
				"'doks-auth kubeconfig convert' replaces it with doks-auth", "user %q runs doctl", user.Name))
			continue
		}
		users++
		findings = append(findings, d.checkEntry(user)...)
	}
	if users+doctls == 0 {
		files := d.config.Files(false)
		if len(files) == 0 {
			files = d.config.Files(true)
		}
		findings = append(findings, warning("kubeconfig", "'doks-auth kubeconfig save CLUSTER' adds one",
			"no user in %s runs doks-auth", strings.Join(files, ", ")))
	}
	return findings
}

// checkEntry checks one user.
func (d *doctor) checkEntry(user kubeconfig.User) []finding {
	const check = "kubeconfig"
	var findings []finding
	fail := func(hint, format string, args ...any) {
		findings = append(findings, failuref(check, hint, "user %q: "+format, append([]any{user.Name}, args...)...))
	}
	warn := func(hint, format string, args ...any) {
		findings = append(findings, warning(check, hint, "user %q: "+format, append([]any{user.Name}, args...)...))
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
	findings = append(findings, d.checkCommand(user)...)
	if len(findings) == 0 {
		findings = append(findings, ok(check, "user %q runs %s", user.Name, shownCommand(user.Exec.Command)))
	}
	return findings
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

// checkCommand checks that clients find the program.
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
			"user %q: its command %q isn't on the PATH", user.Name, shown)}
	case err != nil:
		return []finding{failuref("kubeconfig", saveHint, "user %q: its command %q isn't a program", user.Name, shown)}
	case filepath.Base(command) == command && runtime.GOOS != "windows" &&
		!slices.Contains(strings.Split(desktopPath, ":"), filepath.Dir(found)):
		return []finding{warning("kubeconfig", "set command to "+found+"; "+saveHint,
			"user %q: programs that are started from a desktop may not find its command %q", user.Name, shown)}
	}
	if own, err := d.Executable(); err == nil && !sameFile(own, found) {
		return []finding{warning("kubeconfig", saveHint, "user %q runs a different doks-auth: %s", user.Name, found)}
	}
	return nil
}

// checkPolicy checks that kubectl may run the entries' commands.
func (d *doctor) checkPolicy(context.Context) []finding {
	policy, err := kubeconfig.ReadPluginPolicy(d.Getenv, d.Home)
	if err != nil {
		return []finding{failure("kuberc", err)}
	}
	var findings []finding
	reported := make(map[string]bool)
	for _, user := range d.config.Users {
		if !user.Exec.IsOurs() || reported[user.Exec.Command] || policy.Allows(user.Exec.Command, exec.LookPath) {
			continue
		}
		reported[user.Exec.Command] = true
		command := "COMMAND"
		if shellword.IsPlain(user.Exec.Command) { // plain in YAML, too
			command = user.Exec.Command
		}
		hint := fmt.Sprintf("in %s, set credentialPluginPolicy: Allowlist, and add below credentialPluginAllowlist: "+
			"the line '- command: %s' for kubectl 1.36 and later, or '- name: %s' for 1.35",
			policy.Path, command, command)
		kind := notShown
		if isShown(policy.Type) {
			kind = policy.Type
		}
		findings = append(findings, failuref("kuberc", hint,
			"kubectl isn't allowed to run %s: its policy for credential plugins is %s",
			shownCommand(user.Exec.Command), kind))
	}
	if len(findings) == 0 && policy.Type != "" {
		findings = append(findings, ok("kuberc", "the policy %s of %s allows doks-auth", policy.Type, policy.Path))
	}
	return findings
}

// isWritable returns an error if files can't be created in a directory.
func isWritable(dir string) error {
	f, err := os.CreateTemp(dir, "doctor-*.tmp")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}
