//go:build linux

package e2e

import (
	"strings"
	"testing"
	"time"
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
