package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stamp is the file that says that an installation is complete.
const stamp = ".installed"

// installAll installs the clients that aren't installed yet. One that can't be installed fails later, so that the
// others are tested.
func installAll(ctx context.Context, clients []*client) {
	forEach(clients, func(_, _ int, c *client) {
		if err := c.install(ctx); err != nil {
			fmt.Fprintf(os.Stderr, "installing %s: %v\n", c.name, err)
		}
	})
}

// forEach calls f for each client, for some at a time. worker is different in calls that run at the same time.
func forEach(clients []*client, f func(worker, i int, c *client)) {
	var workers sync.WaitGroup
	next := make(chan int)
	for worker := range parallel {
		workers.Go(func() {
			for i := range next {
				f(worker, i, clients[i])
			}
		})
	}
	for i := range clients {
		next <- i
	}
	close(next)
	workers.Wait()
}

// install installs the client, unless just this one is installed, and removes what was installed before.
func (c *client) install(ctx context.Context) error {
	if c.installed() {
		return nil
	}
	if err := os.RemoveAll(filepath.Dir(c.dir)); err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "installing %s\n", c.name)
	began := time.Now()
	cmd := exec.CommandContext(ctx, filepath.Join(c.source, "install"), c.dir)
	cancelAllBy(syscall.SIGKILL, cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, tail(string(out), 30))
	}
	fmt.Fprintf(os.Stderr, "installed %s in %v\n", c.name, time.Since(began).Round(time.Second))
	return os.WriteFile(filepath.Join(c.dir, stamp), nil, 0o644)
}

// cancelAllBy makes the end of a command's context end what the command has started, too, by a signal.
func cancelAllBy(s syscall.Signal, cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, s) }
}

func (c *client) installed() bool {
	_, err := os.Stat(filepath.Join(c.dir, stamp))
	return err == nil
}

// tail returns the last lines of a text.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(len(all)-lines, 0):], "\n")
}

// checksum returns a digest of what a client is installed from.
func checksum(source string) (string, error) {
	digest := sha256.New()
	err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "limits" || entry.Name() == "run" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(digest, "%s %d\n%s", name, len(text), text)
		return nil
	})
	return hex.EncodeToString(digest.Sum(nil)[:6]), err
}
