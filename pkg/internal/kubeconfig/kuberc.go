package kubeconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/yamledit"
)

// PluginPolicy says which credential plugins kubectl may run, from its release 1.35 on
// (https://kubernetes.io/docs/reference/kubectl/kuberc/).
type PluginPolicy struct {
	Path  string   // of the file that sets it; "" if none does
	Type  string   // "", "AllowAll", "DenyAll" or "Allowlist"
	Allow []string // programs, by path or by a name on the PATH
}

// ReadPluginPolicy reads kubectl's preferences: $KUBERC, or ~/.kube/kuberc. A missing file allows all plugins.
func ReadPluginPolicy(getenv func(string) string, home string) (PluginPolicy, error) {
	path := getenv("KUBERC")
	home = kubectlHome(getenv, home)
	switch {
	case path == "off", getenv("KUBECTL_KUBERC") == "false", path == "" && home == "":
		return PluginPolicy{}, nil
	case path == "":
		path = filepath.Join(home, ".kube", "kuberc")
	}
	text, err := boundedfile.Read(path, maxKuberc)
	if errors.Is(err, fs.ErrNotExist) {
		return PluginPolicy{}, nil
	}
	if err != nil && !isNull(path) {
		return PluginPolicy{}, fmt.Errorf("reading kuberc %q: %w", path, show.Reason(err))
	}
	policy, err := parsePolicy(path, text)
	if err != nil {
		return PluginPolicy{}, fmt.Errorf("reading kuberc %q: %w", path, yamledit.Describe(err))
	}
	return policy, nil
}

// parsePolicy returns the policy in a kuberc, which has a document for each version of the preferences.
func parsePolicy(path string, text []byte) (PluginPolicy, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var said struct {
			Kind                      string
			CredentialPluginPolicy    string `yaml:"credentialPluginPolicy"`
			CredentialPluginAllowlist []struct {
				Name, Command string
			} `yaml:"credentialPluginAllowlist"`
		}
		err := decoder.Decode(&said)
		if errors.Is(err, io.EOF) {
			return PluginPolicy{}, nil
		}
		if err != nil {
			return PluginPolicy{}, err
		}
		if said.Kind != "Preference" {
			continue
		}
		policy := PluginPolicy{Path: path, Type: said.CredentialPluginPolicy}
		for _, entry := range said.CredentialPluginAllowlist {
			policy.Allow = append(policy.Allow, entry.Name, entry.Command)
		}
		policy.Allow = slices.DeleteFunc(policy.Allow, func(name string) bool { return name == "" })
		return policy, nil
	}
}

const maxKuberc = 1 << 20

// Allows reports whether a command may be run. lookPath finds programs, as exec.LookPath does.
func (p PluginPolicy) Allows(command string, lookPath func(string) (string, error)) bool {
	switch p.Type {
	case "", "AllowAll":
		return true
	case "Allowlist":
		program, err := lookPath(command)
		return err == nil && slices.ContainsFunc(p.Allow, func(allowed string) bool {
			found, err := lookPath(allowed)
			return err == nil && found == program
		})
	}
	return false
}
