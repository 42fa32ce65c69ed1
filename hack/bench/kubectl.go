package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// compareKubectl compares a kubectl command that uses the plugin with the same command with the token in the
// kubeconfig. It uses $KUBECTL or the kubectl on PATH, and does nothing if there is none.
func (b *bench) compareKubectl(
	ctx context.Context, api *digitaloceantest.API, cluster *digitaloceantest.Cluster, hit command, pairs int,
) error {
	kubectl := os.Getenv("KUBECTL")
	if kubectl == "" {
		var err error
		if kubectl, err = exec.LookPath("kubectl"); err != nil {
			fmt.Println("kubectl is not on PATH: not measured")
			return nil
		}
	}
	token, err := cachedToken(ctx, hit)
	if err != nil {
		return err
	}
	get := func(name, user string) (command, error) {
		path := filepath.Join(b.dir, name)
		text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: c
clusters:
- {name: c, cluster: {server: %q, certificate-authority-data: %s}}
users:
- {name: u, user: {%s}}
contexts:
- {name: c, context: {cluster: c, user: u}}
`, cluster.Server, base64.StdEncoding.EncodeToString(cluster.CA()), user)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return command{}, err
		}
		return newCommand(b.dir, kubectl, append(hit.env, "HOME="+b.dir), "--kubeconfig="+path, "get", "--raw", "/api")
	}
	static, err := get("static", "token: "+token)
	if err != nil {
		return err
	}
	plugin, err := get("plugin", fmt.Sprintf(
		"exec: {apiVersion: client.authentication.k8s.io/v1, command: %q, args: [exec-credential, %s], "+
			"provideClusterInfo: true, interactiveMode: Never}",
		hit.programs[0], cluster.ID))
	if err != nil {
		return err
	}
	mints := api.Mints(cluster.ID)
	if err := b.compare(ctx, "kubectl with the plugin / with a token", plugin, static, pairs); err != nil {
		return err
	}
	if got := api.Mints(cluster.ID); got != mints {
		return fmt.Errorf("kubectl: got %d mints, want %d: not all runs were hits", got, mints)
	}
	return nil
}

// cachedToken returns the token from a hit.
func cachedToken(ctx context.Context, hit command) (string, error) {
	cmd := exec.CommandContext(ctx, hit.programs[0], hit.args...)
	cmd.Env = hit.env
	out, err := cmd.Output()
	if err != nil {
		return "", err
	}
	var response struct{ Status struct{ Token string } }
	err = json.Unmarshal(out, &response)
	return response.Status.Token, err
}
