package cmd

import (
	"fmt"
	"path"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

const installHint = "doks-auth is not where this kubeconfig says. Install it, or run doks-auth kubeconfig save to write where it is."

// exec returns how clients are to run this program with an access token; the cluster's id, if any, is
// to be added to the arguments.
func (e *kubeconfigEntries) exec(token digitalocean.AccessToken) (kubeconfig.Exec, error) {
	version, err := execcredential.ParseVersion(e.execAPIVersion)
	if err != nil {
		return kubeconfig.Exec{}, usageErrorf("--exec-api-version: it is neither v1 nor v1beta1")
	}
	command, err := e.program()
	if err != nil {
		return kubeconfig.Exec{}, err
	}
	var args []string
	if !e.sharedUser {
		args = append(args, "exec-credential", "--api-version="+path.Base(string(version)))
	}
	tokenFile := e.tokenFile
	if tokenFile != "" {
		if tokenFile, err = filepath.Abs(tokenFile); err != nil {
			return kubeconfig.Exec{}, err
		}
	}
	for _, flag := range []struct{ name, value string }{
		{"--context=", token.Context},
		{"--token-file=", tokenFile},
		{"--api-url=", e.apiURL},
		{"--cache-dir=", e.cacheDir},
	} {
		if flag.value != "" {
			args = append(args, flag.name+flag.value)
		}
	}
	if e.fetch.expirySeconds != 0 {
		args = append(args, fmt.Sprintf("--expiry-seconds=%d", e.fetch.expirySeconds))
	}
	return kubeconfig.Exec{
		APIVersion:         string(version),
		Command:            command,
		Args:               args,
		InstallHint:        installHint,
		InteractiveMode:    "Never",
		ProvideClusterInfo: true,
	}, nil
}

// program returns what clients are to run: by its absolute path, as programs that are started from a
// desktop have another PATH than shells.
func (e *kubeconfigEntries) program() (string, error) {
	if e.command != "" {
		return e.command, nil
	}
	program, err := e.Executable()
	if err != nil {
		return "", fmt.Errorf("finding out where this program is: %w", err)
	}
	return program, nil
}
