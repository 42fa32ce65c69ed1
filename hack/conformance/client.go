package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// client is a Kubernetes client. Its folder contains the programs install and run, which it is installed and started
// with, the versions of what it consists of, and its known limits.
type client struct {
	name    string
	source  string // its folder
	dir     string // where it is installed
	version string
	limits  map[string]limit // by scenario
}

// limit is what a client is known not to do.
type limit struct {
	seen   *regexp.Regexp // of a part of the failure
	reason string
}

// findClients returns the clients with these names, or all of them.
func findClients(folder string, names []string) ([]*client, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	programs, err := filepath.Glob(filepath.Join(folder, "*", "run"))
	if err != nil {
		return nil, err
	}
	var clients []*client
	unknown := slices.Clone(names)
	for _, program := range programs {
		source := filepath.Dir(program)
		name := filepath.Base(source)
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		unknown = slices.DeleteFunc(unknown, func(other string) bool { return other == name })
		sum, err := checksum(source)
		if err != nil {
			return nil, err
		}
		limits, err := readLimits(filepath.Join(source, "limits"))
		if err != nil {
			return nil, err
		}
		dir := filepath.Join(folder, ".bin", name, sum)
		clients = append(clients, &client{name: name, source: source, dir: dir, limits: limits})
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("no client is named %s", strings.Join(unknown, " or "))
	}
	return clients, nil
}

// readLimits reads a file of known limits. A line has a scenario, a regular expression for a part of the failure, and
// the reason, separated by bars.
func readLimits(path string) (map[string]limit, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	limits := make(map[string]limit)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.SplitN(line, "|", 3)
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		if len(parts) < 3 || slices.Contains(parts, "") {
			return nil, fmt.Errorf("reading %s: %q isn't a scenario, a part of the failure and a reason", path, line)
		}
		if _, err := selectScenarios(parts[:1]); err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		seen, err := regexp.Compile(parts[1])
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		limits[parts[0]] = limit{seen, parts[2]}
	}
	return limits, nil
}

// apiVersion is the protocol version of the entries that the client gets where the version doesn't matter.
func (c *client) apiVersion() string {
	if _, ok := c.limits["default"]; ok {
		return "v1beta1"
	}
	return "v1"
}

// outcome is what a client's process did.
type outcome struct {
	stdout, stderr string
	code           int
	took           time.Duration
}

func (o outcome) output() string { return strings.TrimSpace(o.stdout + o.stderr) }

// process is what a program is started with.
type process struct {
	dir   string
	env   []string
	stdin *os.File // nil: nothing
}

// run runs the client in one of its modes.
func (c *client) run(ctx context.Context, timeout time.Duration, p process, mode ...string) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return p.start(ctx, append([]string{filepath.Join(c.source, "run"), c.dir}, mode...)...)
}

// start runs a program until it exits or ctx is done. A nonzero exit code isn't an error.
func (p process) start(ctx context.Context, args ...string) (outcome, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = p.dir, p.env
	if p.stdin != nil {
		cmd.Stdin = p.stdin
	}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cancelAllBy(syscall.SIGTERM, cmd) // it may have to tidy up
	cmd.WaitDelay = patience / 2      // for processes that it leaves behind
	began := time.Now()
	err := cmd.Run()
	o := outcome{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(began)}
	if cmd.ProcessState != nil {
		o.code = cmd.ProcessState.ExitCode()
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return o, nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("it didn't end in %v", o.took.Round(time.Second))
	}
	return o, err
}
