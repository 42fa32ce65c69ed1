//go:build unix

// Not for Windows: its browsers are shell scripts.

package signin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program writes a shell script and returns its path.
func program(t *testing.T, name, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBrowserVariable(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	// Each prints its arguments, one in a line, and a line for its end.
	ok := program(t, "ok", `printf '%s\n' ok "$@" . >>`+log+`; echo noise; echo noise >&2`)
	bad := program(t, "bad", `printf '%s\n' bad "$@" . >>`+log+`; exit 1`)
	spaces := program(t, "with spaces", `printf '%s\n' spaces "$@" . >>`+log)
	tests := map[string]struct {
		value string
		want  string // the log, with spaces for line breaks
		fails bool
	}{
		"command":         {ok, "ok URL .", false},
		"arguments":       {ok + " --new  -x", "ok --new -x URL .", false},
		"placeholder":     {ok + " %s --x=%s y", "ok URL --x=URL y .", false},
		"list":            {ok + ":" + bad, "ok URL .", false},
		"second":          {bad + ":" + ok + " -x", "bad URL . ok -x URL .", false},
		"missing, second": {"/nonexistent:" + ok, "ok URL .", false},
		"empty, second":   {":: :" + ok, "ok URL .", false},
		"path of spaces":  {spaces, "spaces URL .", false},
		"no shell":        {ok + " $HOME `id` ;", "ok $HOME `id` ; URL .", false},
		"all fail":        {bad + ":" + bad, "bad URL . bad URL .", true},
		"missing":         {"/nonexistent", "", true},
		"only the URL":    {"%s", "", true},
		"empty":           {":", "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			os.Remove(log)
			l := launcher{getenv: getenv("BROWSER=" + test.value), patience: time.Minute, system: "linux"}
			l.openDefault = func(string) error {
				t.Error("got the default browser opened, want only what BROWSER says")
				return nil
			}
			err := l.open(t.Context(), address)
			if (err != nil) != test.fails {
				t.Errorf("got %v, want an error: %t", err, test.fails)
			}
			got, _ := os.ReadFile(log)
			lines := strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(string(got)), address, "URL"), "\n", " ")
			if lines != test.want {
				t.Errorf("got %s\nwant %s", lines, test.want)
			}
		})
	}
}

// A command may be the browser itself, which doesn't return.
func TestBrowserInTheForeground(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	foreground := program(t, "foreground", `echo $$ >`+pidFile+`.new && mv `+pidFile+`.new `+pidFile+` && exec sleep 600`)
	for name, patience := range map[string]time.Duration{"patience ends": time.Millisecond, "context ends": time.Minute} {
		t.Run(name, func(t *testing.T) {
			os.Remove(pidFile)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			l := launcher{getenv: getenv("BROWSER=" + foreground), patience: patience, system: "linux"}
			result := make(chan error, 1)
			go func() { result <- l.open(ctx, address) }()
			pid := pidIn(t, pidFile)
			defer syscall.Kill(pid, syscall.SIGKILL)
			if patience == time.Minute {
				cancel()
			}
			err := <-result
			if want := ctx.Err(); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			cancel()
			if err := syscall.Kill(pid, 0); err != nil {
				t.Errorf("got %v for the browser, want it running", err)
			}
			if group, err := syscall.Getpgid(pid); err != nil || group == syscall.Getpgrp() {
				t.Errorf("got the process group %d, %v; want one of its own", group, err)
			}
		})
	}
}

// pidIn waits for a file and returns the process id in it.
func pidIn(t *testing.T, path string) int {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if text, err := os.ReadFile(path); err == nil {
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatal("got no process, want one")
	return 0
}

// The library has a launcher write to our standard output, which is for programs.
func TestLauncherIsSilent(t *testing.T) {
	const inside = "DOKS_AUTH_TEST_LAUNCHER"
	if os.Getenv(inside) != "" {
		open := Browser(getenv("DISPLAY=:0"))
		fmt.Println("result:", open(t.Context(), address), open(t.Context(), address))
		return
	}
	log := filepath.Join(t.TempDir(), "log")
	script := `echo noise; echo noise >&2; printf '%s\n' "$@" >>` + log
	bin := filepath.Dir(program(t, "xdg-open", script))
	if err := os.Link(filepath.Join(bin, "xdg-open"), filepath.Join(bin, "open")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLauncherIsSilent$")
	cmd.Env = append(os.Environ(), inside+"=1", "PATH="+bin)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "result: <nil> <nil>") || strings.Contains(string(out), "noise") {
		t.Errorf("got %v and %s\nwant success and no noise", err, out)
	}
	// On a busy machine, Browser may have stopped waiting for the launchers.
	var got []byte
	want := address + "\n" + address + "\n"
	for deadline := time.Now().Add(time.Minute); string(got) != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("got %q, want %q", got, want)
		}
		got, _ = os.ReadFile(log)
	}
}
