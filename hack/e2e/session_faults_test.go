//go:build linux

package e2e

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// If what a refresh returns can be kept, the credential is delivered and the session stays alive. If it can't, the
// session isn't refreshed: that would end it.
func TestPlacesForARefreshedSession(t *testing.T) {
	const (
		state = `mkdir -p "$HOME/.local/state/doks-auth/sessions" && cd "$HOME/.local/state/doks-auth" && `
		doctl = `cp -a "$HOME/.config/doctl" "$HOME/doctl" && cd "$HOME/.config/doctl" && `
		tmpfs = `mount -t tmpfs -o size=8k none . && cd . && `
		back  = `cp -a "$HOME/doctl/config.yaml" . && `
		full  = `{ head -c 100000 /dev/zero >x || true; } 2>/dev/null && `
		ro    = `mount --bind . . && mount -o remount,bind,ro . && `
		run   = `cd / && exec "$@"`
	)
	// A file system is mounted over a directory by its path, since "." stays the directory below.
	at := func(command string) string { return strings.ReplaceAll(command, " . ", ` "$PWD" `) }
	tests := map[string]struct {
		script    string
		delivered bool
	}{
		"state directory full":      {state + at(tmpfs) + `cd "$PWD" && ` + full + run, true},
		"state directory read-only": {state + at(ro) + run, true},
		"no room in a state directory": {
			`mkdir -p "$HOME/.local/state" && touch "$HOME/.local/state/doks-auth" && exec "$@"`, true,
		},
		"doctl's directory read-only": {`cd "$HOME/.config/doctl" && ` + at(ro) + run, true},
		"doctl's directory full":      {doctl + at(tmpfs) + `cd "$PWD" && ` + back + full + run, true},
		"both full": {
			state + at(tmpfs) + `cd "$PWD" && ` + full + doctl + at(tmpfs) + `cd "$PWD" && ` + back + full + run, false,
		},
		"both read-only":   {state + at(ro) + `cd "$HOME/.config/doctl" && ` + at(ro) + run, false},
		"home read-only":   {`cd "$HOME" && ` + at(ro) + run, false},
		"no write":         {`ulimit -f 0; exec "$@"`, false},
		"only short files": {`ulimit -f 1; exec "$@"`, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			u := newSessionUser(t)
			grant := u.auth.Start(acme)
			grant.ExpiresAt = time.Now().Add(-time.Hour)
			u.write(grant)
			got := u.inNamespace(test.script)
			t.Logf("exit code %d, %d refreshes: %s", got.code, u.auth.Refreshes(), got.stderr)
			switch {
			case test.delivered:
				u.delivered(got)
			case got.code == 0 || u.auth.Refreshes() != 0:
				t.Errorf("got exit code %d after %d refreshes, want a failure without a refresh",
					got.code, u.auth.Refreshes())
			case !strings.Contains(got.stderr, "hint: make it writable"):
				t.Errorf("got %q, want a hint about the place", got.stderr)
			}
			if strings.Contains(test.script, "tmpfs") && test.delivered {
				return // what was written went away with the file system
			}
			u.delivered(u.plugin("--force-refresh"))
			if got := u.auth.Reuses(); got != 0 {
				t.Errorf("got %d uses of a spent refresh token, want none", got)
			}
			if !u.auth.Alive(u.shown()) {
				t.Error("doctl's configuration shows a session that isn't alive")
			}
		})
	}
}

// A run lasts until a refresh that it has begun is over, whatever makes it end: the result would be lost.
func TestRefreshIsNotAbandoned(t *testing.T) {
	const slow = 4 * time.Second // the authorization server's answer
	tests := map[string]struct {
		args    []string
		signals []os.Signal
	}{
		"--timeout":       {args: []string{"--timeout=3s"}},
		"Ctrl-C":          {signals: []os.Signal{os.Interrupt}},
		"Ctrl-C twice":    {signals: []os.Signal{os.Interrupt, os.Interrupt}},
		"terminal closed": {signals: []os.Signal{syscall.SIGHUP}},
		"terminated":      {signals: []os.Signal{syscall.SIGTERM}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newSessionUser(t)
			grant := u.auth.Start(acme)
			grant.ExpiresAt = time.Now().Add(-time.Hour)
			u.write(grant)
			u.auth.SetTokenFault(digitaloceantest.Late(slow))
			cmd := exec.CommandContext(t.Context(), plugin(),
				append([]string{"exec-credential", "--api-version=v1", tokenID}, test.args...)...)
			cmd.Env = u.env
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for start := time.Now(); u.auth.Refreshes() == 0; time.Sleep(10 * time.Millisecond) {
				if time.Since(start) > hung {
					t.Fatal("got no refresh, want one")
				}
			}
			for _, s := range test.signals {
				cmd.Process.Signal(s)
				time.Sleep(300 * time.Millisecond)
			}
			cmd.Wait()
			u.auth.SetTokenFault(nil)
			u.delivered(u.plugin("--force-refresh"))
			if got := u.auth.Reuses(); got != 0 || !u.auth.Alive(u.shown()) {
				t.Errorf("got %d uses of a spent refresh token, and a session that is alive: %v", got, u.auth.Alive(u.shown()))
			}
		})
	}
}

// While doctl's configuration changes between two accounts, no process gets a credential that was minted for the other
// one from the cache.
func TestAccountsThatTakeTurns(t *testing.T) {
	u := newSessionUser(t)
	home := digitaloceantest.User{Name: "Sam", Email: "sam@example.com", UUID: "user-sam", TeamUUID: "team-home"}
	grants := []digitaloceantest.Grant{u.auth.Start(acme), u.auth.Start(home)}
	done := make(chan struct{})
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if got := u.plugin(); got.code != 0 && !strings.Contains(got.stderr, "has changed") {
					t.Errorf("got %+v, want exit code 0", got)
				}
			}
		})
	}
	for i := range 100 {
		next := filepath.Join(u.home, "next")
		if err := os.WriteFile(next, u.text(grants[i%2]), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, u.config); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(60 * time.Millisecond))
	}
	close(done)
	wait.Wait()
	t.Logf("%d mints for two accounts", u.api.Mints(tokenID))
	tokens := make(map[string]bool)
	for _, grant := range grants {
		u.write(grant)
		got := u.plugin()
		u.delivered(got)
		tokens[tokenOf(got.stdout)] = true
	}
	if len(tokens) != 2 || u.api.Mints(tokenID) != 2 {
		t.Errorf("got %d credentials after %d mints, want one for each of two accounts", len(tokens), u.api.Mints(tokenID))
	}
}
