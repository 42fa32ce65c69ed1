//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hung is how long to wait for a program that should exit much earlier.
const hung = 2 * time.Minute

// result is the result of running a program.
type result struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// run runs a program and waits until it exits.
func run(t *testing.T, env []string, stdin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hung) // t.Context() is canceled before cleanups
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = env
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("%s: got a running program after %s, want it to exit", args, hung)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), time.Since(start)}
}

// daemon is a server that runs until it is stopped.
type daemon struct {
	cmd  *exec.Cmd
	log  string // the file with its output
	done chan struct{}
}

// startDaemon starts one of the servers built by hack/e2e/build in a directory.
func startDaemon(dir, name string, args ...string) (*daemon, error) {
	return startCommand(dir, name, binary(name), args...)
}

// startCommand starts a server in a directory. The server is killed when this process ends, however it ends.
func startCommand(dir, name, command string, args ...string) (*daemon, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(command, args...)
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &daemon{cmd: cmd, log: log.Name(), done: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(d.done)
	}()
	return d, nil
}

// stop terminates a server, and kills it if it doesn't exit in time.
func (d *daemon) stop() {
	if d == nil {
		return
	}
	d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(15 * time.Second):
		d.cmd.Process.Kill()
		<-d.done
	}
}

// await calls ready until it succeeds.
func (d *daemon) await(ready func() error) error {
	deadline := time.Now().Add(hung)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-d.done:
			err = fmt.Errorf("it exited: %w", err)
		case <-time.After(50 * time.Millisecond):
			if time.Now().Before(deadline) {
				continue
			}
		}
		tail, _ := os.ReadFile(d.log)
		return fmt.Errorf("starting %s: %w\n%s", d.cmd.Path, err, tail[max(0, len(tail)-4000):])
	}
}

// binary returns the path of a program built by hack/e2e/build.
func binary(name string) string { return filepath.Join(os.Getenv("E2E_BIN"), name) }

// plugin returns the path of the built plugin.
func plugin() string { return os.Getenv("E2E_PLUGIN") }

// freeAddress returns an unused address on the loopback interface.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// lines returns a channel that receives a program's output line by line.
func lines(r io.Reader) <-chan string {
	out := make(chan string)
	go func() {
		defer close(out)
		for in := bufio.NewScanner(r); in.Scan(); {
			out <- in.Text()
		}
	}()
	return out
}
