package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// revoking is a user with cached tokens for a cluster, whose lifetimes differ, and an authorization server that can be
// made to wait.
type revoking struct {
	plugin

	t       *testing.T
	api     *digitaloceantest.API
	auth    *auth
	arrived chan struct{} // a revocation has begun
	release chan struct{} // when it is closed, revocations go on
}

// newRevoking returns a user with n cached tokens.
func newRevoking(t *testing.T, n int) *revoking {
	t.Helper()
	api, url, _, _ := newAPI(t)
	r := &revoking{
		plugin: newPlugin(t, url), t: t, api: api, auth: newAuth(t, api, 0),
		arrived: make(chan struct{}, 100), release: make(chan struct{}),
	}
	for i := range n {
		r.token("--expiry-seconds", []string{"0", "1000", "2000", "3000"}[i])
	}
	return r
}

// waits makes the answers to revocations wait for release.
func (r *revoking) waits() {
	r.auth.SetRevokeFault(func(w http.ResponseWriter, request *http.Request, mint func() map[string]any) {
		answer := mint()
		r.arrived <- struct{}{}
		select {
		case <-r.release:
		case <-request.Context().Done():
			return
		}
		digitaloceantest.Change(nil)(w, request, func() map[string]any { return answer })
	})
}

// token returns the token that a client gets.
func (r *revoking) token(args ...string) string {
	r.t.Helper()
	got := r.run(r.t, nil, append([]string{"exec-credential", "--api-version=v1", tokenCluster}, args...)...)
	var answer struct{ Status struct{ Token string } }
	if err := json.Unmarshal([]byte(got.stdout), &answer); err != nil || got.code != 0 {
		r.t.Fatalf("got %+v, want a credential", got)
	}
	return answer.Status.Token
}

// begin starts a revocation, and waits until it has arrived at the server.
func (r *revoking) begin() (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	r.t.Helper()
	cmd = exec.CommandContext(r.t.Context(), os.Args[0], "cache", "clear", "--revoke", "--all")
	cmd.Env = r.env
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	select {
	case <-r.arrived:
	case <-time.After(hung):
		r.t.Fatalf("got no revocation after %s, want one", hung)
	}
	return cmd, stdout, stderr
}

// clear removes everything, and fails unless that revokes n tokens, and none is left.
func (r *revoking) clear(n int) {
	r.t.Helper()
	r.auth.SetRevokeFault(nil)
	got := r.run(r.t, nil, "cache", "clear", "--all", "--revoke")
	if got.code != 0 || strings.Count(got.stdout, "confirmed that its token is revoked\n") != n {
		r.t.Errorf("afterwards: got %+v, want %d tokens revoked", got, n)
	}
	r.wantTokens(0)
}

func (r *revoking) wantTokens(want int) {
	r.t.Helper()
	if got := r.api.Tokens(tokenCluster); got != want {
		r.t.Errorf("got %d tokens that the cluster accepts, want %d", got, want)
	}
}

// A process that is killed between a revocation and the removal leaves nothing that is served.
func TestKilledRevocation(t *testing.T) {
	r := newRevoking(t, 1)
	first := r.token()
	r.waits()
	cmd, _, _ := r.begin()
	cmd.Process.Kill()
	cmd.Wait()
	if got := r.token(); got == first || !r.api.Accepts(tokenCluster, got) {
		t.Errorf("got the token %q after %q was revoked, want a new one", got, first)
	}
	r.auth.SetRevokeFault(nil)
	got := r.run(t, nil, "cache", "clear", "--all", "--revoke")
	if got.code != 3 || strings.Count(got.stdout, "revoked") != 1 ||
		!strings.Contains(got.stderr, "an earlier run may have revoked it") {
		t.Errorf("got %+v, want the new token revoked, and the first one refused", got)
	}
	r.wantTokens(0)
}

// Whoever needs a credential during a revocation isn't given the token.
func TestHitDuringRevocation(t *testing.T) {
	r := newRevoking(t, 1)
	first := r.token()
	r.waits()
	cmd, stdout, stderr := r.begin()
	second := r.token("--timeout=3s") // it waits for the lock, and then goes on without it
	if second == first || !r.api.Accepts(tokenCluster, second) {
		t.Errorf("got the token %q while %q is revoked, want a new one", second, first)
	}
	close(r.release)
	if err := cmd.Wait(); err != nil || strings.Count(stdout.String(), "revoked\n") != 1 {
		t.Errorf("got %v, %q, %q; want one token revoked", err, stdout, stderr)
	}
	if got := r.token(); got != second {
		t.Errorf("got the token %q, want %q from the cache", got, second)
	}
	r.clear(1)
}

// An interrupt ends a revocation that isn't answered soon. Nothing is lost: the next run goes on.
func TestInterruptedRevocation(t *testing.T) {
	r := newRevoking(t, 3)
	r.auth.SetRevokeFault(func(w http.ResponseWriter, request *http.Request, mint func() map[string]any) {
		r.arrived <- struct{}{}
		digitaloceantest.Hang(w, request, mint)
	})
	cmd, stdout, stderr := r.begin()
	interrupt(t, cmd)
	cmd.Wait()
	const want = "doks-auth: interrupted: credentials that are left in the cache: 3\n" +
		"hint: 'doks-auth cache clear --all --revoke' revokes all that are cached\n"
	if code := cmd.ProcessState.ExitCode(); code != 1 || stdout.Len() > 0 || !strings.HasSuffix(stderr.String(), want) ||
		strings.Count(stderr.String(), "not revoked: ") != 1 {
		t.Errorf("got exit code %d, %q, %q; want 1, nothing, one line and %q", code, stdout, stderr, want)
	}
	r.wantTokens(3)
	r.clear(3)
}

// Several that clear at once revoke each token once, and none of them fails.
func TestConcurrentRevocations(t *testing.T) {
	const tokens, processes = 4, 8
	r := newRevoking(t, tokens)
	results := make([]result, processes)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { results[i] = r.run(t, nil, "cache", "clear", "--all", "--revoke") })
	}
	all.Wait()
	revoked := 0
	for _, got := range results {
		revoked += strings.Count(got.stdout, "confirmed that its token is revoked\n")
		if got.code != 0 {
			t.Errorf("got %+v, want exit code 0", got)
		}
	}
	if revoked != tokens || r.auth.Revocations() != tokens {
		t.Errorf("got %d lines and %d revocations, want %d", revoked, r.auth.Revocations(), tokens)
	}
	r.wantTokens(0)
}

// A credential that another process is fetching is waited for, and revoked, too.
func TestRevocationDuringFetch(t *testing.T) {
	r := newRevoking(t, 0)
	r.api.SetFault(func(w http.ResponseWriter, request *http.Request, mint func() map[string]any) {
		answer := mint()
		r.arrived <- struct{}{}
		<-r.release
		digitaloceantest.Change(nil)(w, request, func() map[string]any { return answer })
	})
	var all sync.WaitGroup
	var fetched, cleared result
	all.Go(func() { fetched = r.run(t, nil, "exec-credential", "--api-version=v1", tokenCluster) })
	<-r.arrived
	all.Go(func() { cleared = r.run(t, nil, "cache", "clear", "--all", "--revoke") })
	time.AfterFunc(100*time.Millisecond, func() { close(r.release) }) // whether it waits by then or not
	all.Wait()
	if fetched.code != 0 || cleared.code != 0 || strings.Count(cleared.stdout, "revoked\n") != 1 {
		t.Errorf("got %+v and %+v, want a credential, and its token revoked", fetched, cleared)
	}
	r.wantTokens(0)
}
