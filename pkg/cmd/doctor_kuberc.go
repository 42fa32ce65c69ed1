package cmd

import (
	"context"
	"fmt"
	"os/exec"

	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

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
