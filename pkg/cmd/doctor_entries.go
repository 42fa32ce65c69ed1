package cmd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// checkEntries checks the users that run this program, or doctl. One line says how many are fine.
func (d *doctor) checkEntries(context.Context) []finding {
	const check = "kubeconfig"
	existing, missing := d.config.Files(false), d.config.Files(true)
	if len(existing)+len(missing) == 0 {
		return nil // the kubeconfig can't be read
	}
	fine := make(map[string][]string) // users by command
	var deviating deviations
	var doctls []kubeconfig.User
	ours := 0
	for _, user := range d.config.Users {
		switch {
		case !user.Exec.IsOurs():
			continue
		case user.Exec.Program() == "doctl":
			doctls = append(doctls, user)
			continue
		}
		ours++
		found := d.checkEntry(user)
		for _, f := range found {
			deviating.add(user.Name, f)
		}
		if len(found) == 0 {
			command := shownCommand(user.Exec.Command)
			fine[command] = append(fine[command], user.Name)
		}
	}
	var findings []finding
	for _, command := range slices.Sorted(maps.Keys(fine)) {
		if names := fine[command]; len(names) == 1 {
			findings = append(findings, ok(check, "user %q runs %s", names[0], command))
		} else {
			findings = append(findings, ok(check, "%d users run %s", len(names), command))
		}
	}
	findings = append(findings, deviating.findings()...)
	findings = append(findings, d.checkDoctls(doctls)...)
	if ours+len(doctls) == 0 && len(existing) > 0 {
		findings = append(findings, warning(check, "'doks-auth kubeconfig save CLUSTER' adds one",
			"no user in %s runs doks-auth", strings.Join(existing, ", ")))
	}
	return findings
}

// deviations are findings about users. Those that differ in nothing but the user become one finding.
type deviations []deviation

type deviation struct {
	finding
	users []string
}

func (d *deviations) add(user string, f finding) {
	for i := range *d {
		if known := &(*d)[i]; known.finding == f {
			known.users = append(known.users, user)
			return
		}
	}
	*d = append(*d, deviation{f, []string{user}})
}

func (d *deviations) findings() []finding {
	var findings []finding
	for _, one := range *d {
		whose := "user " + quotedSome(one.users)
		if len(one.users) > 1 {
			whose = "each of the users " + quotedSome(one.users)
		}
		one.Message = oneLine(whose + ": " + one.Message)
		findings = append(findings, one.finding)
	}
	return findings
}

// quotedSome returns names for a sentence, quoted, but not all if they are many.
func quotedSome(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return someOf(quoted)
}

// checkDoctls reports the users that run doctl, and what can be done about each.
func (d *doctor) checkDoctls(users []kubeconfig.User) []finding {
	const check = "kubeconfig"
	if len(users) == 0 {
		return nil
	}
	left := d.notConvertible()
	var convertible []string
	var deviating deviations
	for _, user := range users {
		switch {
		case left[user.Name] != "":
			deviating.add(user.Name, warning(check, "", "it runs doctl, which 'doks-auth kubeconfig convert' can't replace: %s",
				left[user.Name]))
		default:
			convertible = append(convertible, user.Name)
		}
	}
	var findings []finding
	if len(convertible) > 0 {
		findings = append(findings, warning(check, "'doks-auth kubeconfig convert' replaces it with doks-auth",
			"%s doctl", run(convertible)))
	}
	return append(findings, deviating.findings()...)
}

// run returns the beginning of a sentence about what users run.
func run(users []string) string {
	if len(users) == 1 {
		return fmt.Sprintf("user %q runs", users[0])
	}
	return "users " + quotedSome(users) + " run"
}

// notConvertible returns why 'kubeconfig convert' can't convert users that run doctl, by name.
func (d *doctor) notConvertible() map[string]string {
	left := make(map[string]string)
	config, err := kubeconfig.Read(d.files.paths(d.options)) // again, because Convert changes it
	if err != nil {
		return left
	}
	convert := &kubeconfigConvert{kubeconfigEntries: kubeconfigEntries{options: d.options}, dryRun: true}
	exec := func(kubeconfig.Exec) kubeconfig.Exec {
		return kubeconfig.Exec{Command: "doks-auth", Args: []string{"exec-credential"}}
	}
	for _, c := range config.Convert(exec, convert.acceptSSO(context.Background())) {
		if !c.Converted {
			left[c.User] = conversionNote(c)
		}
	}
	return left
}
