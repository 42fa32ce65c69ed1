package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// sandbox is where the demo's programs run: a directory, and an environment that contains only
// the PATH of the user's, and none of their proxies, kubeconfigs or access tokens.
type sandbox struct {
	plugin     string
	kubeconfig string
	cache      string
	env        []string
}

// newSandbox returns a sandbox in dir, with the plugin first on its PATH. The clusters are reached through the
// proxy, because their names aren't in DNS.
func newSandbox(dir, plugin, apiURL, proxyURL string) (*sandbox, error) {
	plugin, err := filepath.Abs(plugin)
	if err != nil {
		return nil, err
	}
	if _, err := exec.LookPath(plugin); err != nil {
		return nil, fmt.Errorf("finding the plugin (run `make build` first): %w", err)
	}
	bin, home := filepath.Join(dir, "bin"), filepath.Join(dir, "home")
	for _, d := range []string{bin, home} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return nil, err
		}
	}
	s := &sandbox{
		plugin:     filepath.Join(bin, "doks-auth"+filepath.Ext(plugin)),
		kubeconfig: filepath.Join(dir, "kubeconfig"),
		cache:      filepath.Join(dir, "cache"),
	}
	if err := os.Symlink(plugin, s.plugin); err != nil {
		return nil, fmt.Errorf("putting the plugin on the PATH: %w", err)
	}
	s.env = []string{
		"PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"HOME=" + home,
		"KUBECONFIG=" + s.kubeconfig,
		"DIGITALOCEAN_ACCESS_TOKEN=" + accessToken,
		"DIGITALOCEAN_API_URL=" + apiURL,
		"HTTPS_PROXY=" + proxyURL,
		"DOKS_AUTH_CACHE_DIR=" + s.cache,
	}
	return s, nil
}

// result is the result of running a program.
type result struct {
	stdout, stderr string
	exitCode       int
	took           time.Duration
}

// run runs a program until it exits or ctx is done, with env added to the sandbox's environment. A nonzero exit
// code isn't an error.
func (s *sandbox) run(ctx context.Context, args []string, env ...string) (result, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(s.env[:len(s.env):len(s.env)], env...)
	cmd.Stdout = &stdout
	// Clients pass their standard error on to the plugin. Since it is a pipe, Run waits for
	// the plugin too, so none is left behind when a client is interrupted.
	cmd.Stderr = &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	start := time.Now()
	err := cmd.Run()
	r := result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), time.Since(start)}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return r, nil
	}
	return r, err // it wasn't started or was killed by a signal
}

// output runs a program that must succeed.
func (s *sandbox) output(ctx context.Context, args ...string) (result, error) {
	r, err := s.run(ctx, args)
	if err == nil && r.exitCode != 0 {
		err = fmt.Errorf("exit code %d: %s", r.exitCode, strings.TrimSpace(r.stderr))
	}
	if err != nil {
		return r, fmt.Errorf("running %s: %w", filepath.Base(args[0]), err)
	}
	return r, nil
}

// findKubectl returns the path of kubectl, or why it can't be used.
func (s *sandbox) findKubectl(ctx context.Context) (path, absent string) {
	path, err := exec.LookPath("kubectl")
	if err != nil {
		return "", "kubectl is not on PATH"
	}
	// Some kubectls are wrappers that need the user's home directory.
	if _, err := s.output(ctx, path, "version", "--client"); err != nil {
		return "", "kubectl doesn't run in the sandbox"
	}
	return path, ""
}
