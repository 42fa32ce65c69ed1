package cmd_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/cmd"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// A person on a terminal is told of a slow authorization server and, in another terminal, of the process that waits for
// its answer.
func TestWaitsForASessionAreSaid(t *testing.T) {
	w := newWorld(t)
	auth := digitaloceantest.NewAuthServer(w.api, digitaloceantest.User{UUID: "sam", TeamUUID: "acme"})
	server := httptest.NewServer(auth)
	t.Cleanup(server.Close)
	auth.Issuer = server.URL
	dir := t.TempDir()
	doctl := filepath.Join(dir, "config.yaml")
	grant := auth.Start(digitaloceantest.User{UUID: "sam", TeamUUID: "acme"})
	text := fmt.Sprintf("context: work\nauth-contexts: {work: %s}\noauth-tokens: {work: {client-id: %s, "+
		"expires-at: \"%s\", issuer: \"%s\", refresh-token: %s, scope: %q}}\n", grant.AccessToken, grant.ClientID,
		time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), server.URL, grant.RefreshToken, grant.Scope)
	if err := os.WriteFile(doctl, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const forServer = "waiting for the authorization server to refresh the session of doctl's context \"work\"\n"
	const forProcess = "waiting for another process that is refreshing the session of doctl's context \"work\"\n"
	first, second := w.atTerminal(forServer, doctl, dir), w.atTerminal(forProcess, doctl, dir)
	auth.SetTokenFault(func(w http.ResponseWriter, r *http.Request, answer func() map[string]any) {
		for _, said := range []<-chan struct{}{first.out.seen, second.out.seen} {
			select {
			case <-said:
			case <-r.Context().Done():
			}
		}
		digitaloceantest.Change(nil)(w, r, answer)
	})
	done := make(chan int)
	go func() {
		code, _, _ := first.run("cluster", "list")
		done <- code
	}()
	<-first.out.seen // it has the lock
	second.mustRun(t, "cluster", "list")
	if code := <-done; code != 0 || first.out.String() != forServer || second.out.String() != forProcess {
		t.Errorf("got exit code %d, %q and %q; want 0, %q and %q", code, first.out, second.out, forServer, forProcess)
	}
	if got := auth.Refreshes(); got != 1 {
		t.Errorf("got %d refreshes; want 1", got)
	}
}

// So is one who signs in.
func TestWaitsForSignInAreSaid(t *testing.T) {
	w := newWorld(t)
	auth := digitaloceantest.NewAuthServer(w.api, digitaloceantest.User{UUID: "sam", TeamUUID: "acme"})
	server := httptest.NewServer(auth)
	t.Cleanup(server.Close)
	auth.Issuer = server.URL
	const want = "waiting for the authorization server\n"
	at := w.atTerminal(want, "", t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	at.stopped = ctx
	auth.SetMetadataFault(func(_ http.ResponseWriter, r *http.Request, _ func() map[string]any) { <-r.Context().Done() })
	go func() {
		<-at.out.seen
		stop()
	}()
	code, _, _ := at.run("auth", "login", "--no-browser", "--storage=file", "--issuer="+server.URL)
	if code != 1 || at.out.String() != want+"doks-auth: interrupted\n" {
		t.Errorf("got exit code %d, %q; want 1, %q", code, at.out, want)
	}
}

// terminal is a person's, whose access token isn't in the environment.
type terminal struct {
	*world

	out *output // standard error
}

// atTerminal returns a terminal in the same world. wanted is what its output waits for.
func (w *world) atTerminal(wanted, doctl, state string) terminal {
	own := *w
	at := terminal{&own, own.onTerminal(wanted)}
	watched := own.adjust
	own.adjust = func(e *cmd.Env) {
		watched(e)
		get := e.Getenv
		e.Getenv = func(name string) string {
			switch name {
			case "DIGITALOCEAN_ACCESS_TOKEN":
				return ""
			case "DIGITALOCEAN_CONFIG":
				return doctl
			case "XDG_STATE_HOME":
				return state
			}
			return get(name)
		}
	}
	return at
}
