package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// newUser returns a user without an access token, an API and an authorization server.
func newUser(t *testing.T, browser string, lifetime time.Duration) (plugin, *digitaloceantest.API, *auth) {
	t.Helper()
	api, apiURL, _, _ := newAPI(t)
	p := newPlugin(t, apiURL)
	p.env = slices.DeleteFunc(p.env, func(v string) bool { return strings.HasPrefix(v, "DIGITALOCEAN_ACCESS_TOKEN=") })
	p.env = append(p.env, noKeyring, "BROWSER="+os.Args[0]+" "+browser)
	return p, api, newAuth(t, api, lifetime)
}

func (p plugin) state() string { return filepath.Join(p.dir, ".local", "state", "doks-auth") }

// keptNothing fails if the user's files hold a login, or one of the authorization server's tokens in clear text.
func (p plugin) keptNothing(t *testing.T, a *auth) {
	t.Helper()
	if logins, _ := filepath.Glob(filepath.Join(p.state(), "logins", "*.json")); len(logins) > 0 {
		t.Errorf("got the logins %q, want none", logins)
	}
	if tokens := a.tokens(); len(tokens) > 0 {
		if err := checkSealed(p.dir, tokens...); err != nil {
			t.Error(err)
		}
	}
}

// shown fails if an output shows a token.
func shown(t *testing.T, a *auth, output string) {
	t.Helper()
	for _, token := range a.tokens() {
		if strings.Contains(output, token) {
			t.Errorf("got %q, want no token in it", output)
		}
	}
}

// signIn is a running sign-in.
type signIn struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	stdout  bytes.Buffer
	stderr  *bufio.Reader
	rest    string // what was read of it
	address string // to open
}

// begin starts a sign-in.
func (p plugin) begin(t *testing.T, args ...string) *signIn {
	t.Helper()
	s := &signIn{cmd: exec.CommandContext(t.Context(), os.Args[0], append([]string{"auth", "login"}, args...)...)}
	s.cmd.Env, s.cmd.Stdout = p.env, &s.stdout
	stderr, err := s.cmd.StderrPipe()
	if err == nil {
		s.stdin, err = s.cmd.StdinPipe()
	}
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.stderr = bufio.NewReader(stderr)
	return s
}

// start starts a sign-in, and waits until it shows the address to open.
func (p plugin) start(t *testing.T, args ...string) *signIn {
	t.Helper()
	s := p.begin(t, args...)
	for s.address == "" {
		line, err := s.stderr.ReadString('\n')
		s.rest += line
		if strings.HasPrefix(line, "http") {
			s.address = strings.TrimSpace(line)
		}
		if err != nil {
			t.Fatalf("got %q, want the address to open", s.rest)
		}
	}
	return s
}

// end waits for the end of a sign-in.
func (s *signIn) end() result {
	start := time.Now()
	rest, _ := io.ReadAll(s.stderr)
	s.cmd.Wait()
	return result{s.cmd.ProcessState.ExitCode(), s.stdout.String(), s.rest + string(rest), time.Since(start)}
}

// Without a browser here, the user pastes what another browser ends at.
func TestSignInByPasting(t *testing.T) {
	p, _, auth := newUser(t, "none", 0)
	s := p.start(t, "--no-browser", "--issuer="+auth.url)
	redirect, err := digitaloceantest.Approve(http.DefaultClient, s.address)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(s.stdin, "%s\n%s\n", withState(redirect, "stale"), redirect)
	got := s.end()
	if got.code != 0 || !strings.HasPrefix(got.stdout, `signed in as "sam@example.com" (team "Acme")`) {
		t.Errorf("got %+v, want exit code 0 and the user", got)
	}
	for _, want := range []string{
		"Open this address in a browser:\n", "Or paste the address that the browser ends at:\n",
		"Not accepted: that address doesn't belong to this sign-in.\n",
	} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("got %q, want %q in it", got.stderr, want)
		}
	}
	shown(t, auth, got.stdout+got.stderr)
}

// The end of standard input doesn't end the sign-in.
func TestSignInWithoutInput(t *testing.T) {
	p, _, auth := newUser(t, "none", 0)
	s := p.start(t, "--no-browser", "--issuer="+auth.url)
	s.stdin.Close()
	redirect, err := digitaloceantest.Approve(http.DefaultClient, s.address)
	if err == nil {
		err = visit(redirect, "Signed in")
	}
	if got := s.end(); err != nil || got.code != 0 {
		t.Errorf("got %v and %+v, want exit code 0", err, got)
	}
}

// An expired access token is refreshed when a call needs it, and only then.
func TestExpiredAccessTokenIsRefreshedOnAMiss(t *testing.T) {
	const lifetime = 5 * time.Second // too short to be used once
	p, api, auth := newUser(t, "browser-approve", lifetime)
	if got := p.run(t, nil, "auth", "login", "--issuer="+auth.url); got.code != 0 {
		t.Fatalf("got %+v, want exit code 0", got)
	}
	get := func(args ...string) {
		t.Helper()
		args = append([]string{"exec-credential", "--api-version=v1", tokenCluster}, args...)
		if got := p.run(t, nil, args...); got.code != 0 || got.stderr != "" {
			t.Fatalf("got %+v, want exit code 0", got)
		}
	}
	for _, step := range []struct {
		args                    []string
		refreshes, calls, mints int
	}{
		{nil, 1, 2, 1},
		{nil, 1, 2, 1}, // a hit
		{[]string{"--force-refresh"}, 2, 3, 2},
		{nil, 2, 3, 2},
	} {
		get(step.args...)
		if r, c, m := auth.Refreshes(), api.Calls(), api.Mints(tokenCluster); r != step.refreshes || c != step.calls ||
			m != step.mints {
			t.Errorf("got %d refreshes, %d calls, %d mints; want %+v", r, c, m, step)
		}
	}
	if n := auth.Reuses(); n != 0 {
		t.Errorf("got %d uses of a spent refresh token, want none", n)
	}
	if err := checkSealed(p.dir, auth.tokens()...); err != nil {
		t.Error(err)
	}
}

// Sign-ins at the same time, under one name and under several, all succeed, and register once.
func TestSignInsAtOnce(t *testing.T) {
	p, _, auth := newUser(t, "browser-approve", 0)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			got := p.run(t, nil, "auth", "login", "--issuer="+auth.url, fmt.Sprintf("--name=login-%d", i%4))
			if got.code != 0 {
				t.Errorf("got %+v, want exit code 0", got)
			}
		})
	}
	wait.Wait()
	if n := auth.Registrations(); n != 1 {
		t.Errorf("got %d registrations, want 1", n)
	}
	for i := range 4 {
		if got := p.run(t, nil, "auth", "status", fmt.Sprintf("--account=login-%d", i)); got.code != 0 {
			t.Errorf("got %+v, want exit code 0", got)
		}
	}
}
