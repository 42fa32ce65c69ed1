package cmd

import (
	"fmt"
	"path"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

const installHint = "doks-auth was not found. Install it, " +
	"or run doks-auth kubeconfig save to update its path in this kubeconfig."

// exec returns how clients should run this program for an account. The caller adds the cluster's id to
// the arguments, if any.
func (e *kubeconfigEntries) exec(of *accounts.Account) (kubeconfig.Exec, error) {
	exec, err := e.baseExec()
	if err != nil {
		return kubeconfig.Exec{}, err
	}
	exec.InteractiveMode = "Never"
	if e.sharedUser {
		exec.Args = exec.Args[:1] // the request says the rest
	}
	tokenFile, err := absolute(e.tokenFile)
	if err != nil {
		return kubeconfig.Exec{}, err
	}
	sharedFile, err := absolute(e.shared.file)
	if err != nil {
		return kubeconfig.Exec{}, err
	}
	for _, flag := range []struct{ name, value string }{
		{"--account=", of.Login},
		{"--context=", of.Context},
		{"--token-file=", tokenFile},
		{"--api-url=", e.apiURL},
		{"--cache-dir=", e.cacheDir},
		{"--shared-cache-file=", sharedFile},
	} {
		if flag.value != "" {
			exec.Args = append(exec.Args, flag.name+flag.value)
		}
	}
	if e.shared.insecure {
		exec.Args = append(exec.Args, "--shared-cache-insecure")
	}
	if e.fetch.expirySeconds != 0 {
		exec.Args = append(exec.Args, fmt.Sprintf("--expiry-seconds=%d", e.fetch.expirySeconds))
	}
	return exec, nil
}

// absolute returns a path as programs in any directory find it; "" stays "".
func absolute(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	return filepath.Abs(path)
}

// baseExec returns what all entries have in common.
func (e *kubeconfigEntries) baseExec() (kubeconfig.Exec, error) {
	version, err := execcredential.ParseVersion(e.execAPIVersion)
	if err != nil {
		return kubeconfig.Exec{}, usageErrorf("--exec-api-version must be v1 or v1beta1")
	}
	command, err := e.program()
	if err != nil {
		return kubeconfig.Exec{}, err
	}
	return kubeconfig.Exec{
		APIVersion:         string(version),
		Command:            command,
		Args:               []string{"exec-credential", "--api-version=" + path.Base(string(version))},
		InstallHint:        installHint,
		ProvideClusterInfo: true,
	}, nil
}

// program returns the program for clients to run. By default that is an absolute path, because programs that
// are started from a desktop have a different PATH than shells.
func (e *kubeconfigEntries) program() (string, error) {
	if e.command != "" {
		return e.command, nil
	}
	program, err := e.Executable()
	if err != nil {
		return "", fmt.Errorf("locating this program: %w", err)
	}
	return program, nil
}
