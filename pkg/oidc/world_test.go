package oidc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/oidc"
	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

const (
	clientID  = "client-1"
	clusterID = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"
)

// world is an OpenID provider and a user's machine.
type world struct {
	*oidctest.Issuer

	t        *testing.T
	dir      string // the state directory
	port     int
	clock    *clock
	opened   atomic.Int32 // browsers
	browsing sync.WaitGroup
}

// clock is the time for the provider and the machine.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Issuer: oidctest.Start(t, clientID), t: t, dir: filepath.Join(t.TempDir(), "state"), port: freePort(t)}
	w.clock = &clock{now: time.Date(2030, time.January, 2, 3, 4, 5, 0, time.UTC)}
	w.SetNow(w.clock.Now)
	w.AllowAnyPort()
	w.IDToken(nil) // makes the signing key, which may take a while, before anybody waits for it
	t.Cleanup(w.browsing.Wait)
	return w
}

// another returns a new machine, with the same provider and the same time. Making keys for a provider takes a while.
func (w *world) another(t *testing.T) *world {
	t.Helper()
	other := &world{Issuer: w.Issuer, t: t, dir: filepath.Join(t.TempDir(), "state"), port: freePort(t), clock: w.clock}
	t.Cleanup(other.browsing.Wait)
	return other
}

// freePort returns a port that is free on both loopback addresses. It is none that systems choose by themselves.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 10000 + rand.N(20000)
		if listeners := listen(port); listeners != nil {
			closeAll(listeners)
			return port
		}
	}
	t.Fatal("got no free port")
	return 0
}

// listen listens on a port of the loopback addresses that there are, or returns nil if one of them is taken.
func listen(port int) []net.Listener {
	var listeners []net.Listener
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
		if err == nil {
			listeners = append(listeners, l)
		} else if host == "127.0.0.1" || strings.Contains(err.Error(), "in use") {
			closeAll(listeners)
			return nil
		}
	}
	return listeners
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

func (w *world) client() oidc.Client { return oidc.Client{Issuer: w.URL(), ID: clientID} }

func (w *world) sessions() oidc.Sessions {
	return oidc.Sessions{StateDir: func() string { return w.dir }, UserAgent: "doks-auth/test", Now: w.clock.Now}
}

// session records the client and returns its session.
func (w *world) session() *oidc.Session {
	w.t.Helper()
	session, err := w.sessions().Record(w.t.Context(), w.client())
	if err != nil {
		w.t.Fatal(err)
	}
	return session
}

// way is a browser.
func (w *world) way() oidc.Way {
	return oidc.Way{Open: w.open, Port: w.port, Time: 5 * time.Minute, Timeout: time.Minute}
}

// open does what the user's browser does, as the provider's Refuse and Accept chose.
func (w *world) open(_ context.Context, url string) error {
	w.opened.Add(1)
	w.browsing.Go(func() {
		w.Browse(w.t.Context(), url) // the test sees what became of it
	})
	return nil
}

// unanswered returns a way in which nobody looks at the browser, and a context that ends as soon as one is opened, as
// if their time was over.
func (w *world) unanswered() (context.Context, oidc.Way) {
	ctx, way := w.ending(), w.way()
	way.Open = func(context.Context, string) error {
		w.opened.Add(1)
		ctx.end()
		return nil
	}
	return ctx, way
}

// ending is a context whose time is over when end is called.
type ending struct {
	context.Context
	done chan struct{}
	end  func()
}

func (w *world) ending() *ending {
	done := make(chan struct{})
	return &ending{w.t.Context(), done, sync.OnceFunc(func() { close(done) })}
}

func (e *ending) Done() <-chan struct{} { return e.done }

func (e *ending) Err() error {
	select {
	case <-e.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// reader is somebody who reads what a sign-in prints, but doesn't open the address, until their time is over.
type reader struct {
	bytes.Buffer
	ctx *ending
}

func (r *reader) Write(p []byte) (int, error) {
	defer r.ctx.end()
	return r.Buffer.Write(p)
}

// get returns a credential of the session, as a process does that has just been started.
func (w *world) get(way oidc.Way) (credential.Credential, error) {
	w.t.Helper()
	return w.provider(way).Credential(w.t.Context())
}

// getUnanswered is get for a sign-in that nobody answers.
func (w *world) getUnanswered() (credential.Credential, error) {
	w.t.Helper()
	ctx, way := w.unanswered()
	return w.provider(way).Credential(ctx)
}

func (w *world) provider(way oidc.Way) *oidc.Provider {
	w.t.Helper()
	session, err := w.sessions().Find(w.client())
	if errors.Is(err, oidc.ErrNotRecorded) {
		session = w.session()
	} else if err != nil {
		w.t.Fatal(err)
	}
	return &oidc.Provider{Session: session, Cluster: w.cluster(), Way: way}
}

func (w *world) cluster() oidc.Cluster {
	return oidc.Cluster{ID: clusterID, Server: "https://" + clusterID + ".k8s.ondigitalocean.com", Client: w.client()}
}

// must returns a credential that the cluster accepts.
func (w *world) must(way oidc.Way) credential.Credential {
	w.t.Helper()
	got, err := w.get(way)
	if err != nil {
		w.t.Fatalf("got the error %v, want a credential", err)
	}
	if err := got.Check(w.clock.Now()); err != nil {
		w.t.Fatalf("got a credential that can't be used: %v", err)
	}
	return got
}

// counts fails unless so many browsers were opened and so often somebody signed in and a session was refreshed, never
// with a spent refresh token.
func (w *world) counts(browsers, signIns, refreshes int) {
	w.t.Helper()
	if got := int(w.opened.Load()); got != browsers || w.SignIns() != signIns || w.Refreshes() != refreshes {
		w.t.Errorf("got %d browsers, %d sign-ins and %d refreshes, want %d, %d and %d",
			got, w.SignIns(), w.Refreshes(), browsers, signIns, refreshes)
	}
	if got := w.Reuses(); got != 0 {
		w.t.Errorf("got %d uses of a spent refresh token, want none", got)
	}
}

// files returns the text of all files in the state directory.
func (w *world) files() string {
	w.t.Helper()
	var all bytes.Buffer
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		fmt.Fprintf(&all, "%s\n", path)
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	return all.String()
}

// record returns the path of the session's record.
func (w *world) record() string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.dir, "sso", "*.json"))
	if err != nil || len(found) != 1 {
		w.t.Fatalf("got the records %q, %v; want one", found, err)
	}
	return found[0]
}

// want is what is expected of an error.
type want struct {
	class credential.Class
	says  string // part of its message
}

func (want want) check(t *testing.T, err error) {
	t.Helper()
	if err == nil || credential.ClassOf(err) != want.class || !strings.Contains(err.Error(), want.says) {
		t.Errorf("got the error %q of class %q, want one of class %q with %q", errText(err), credential.ClassOf(err),
			want.class, want.says)
	}
	if strings.ContainsFunc(errText(err), func(r rune) bool { return r < ' ' }) {
		t.Errorf("got the error %q, want one line", err)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
