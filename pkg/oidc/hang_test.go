package oidc_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/oidc"
	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

// wire is a transport to a handler without a network, for a bubble of package synctest.
type wire struct{ to http.Handler }

func (c wire) RoundTrip(r *http.Request) (*http.Response, error) {
	done := make(chan *http.Response, 1)
	go func() {
		defer close(done)
		defer func() { recover() }() // http.ErrAbortHandler
		recorder := httptest.NewRecorder()
		c.to.ServeHTTP(recorder, r)
		done <- recorder.Result()
	}()
	select {
	case response := <-done:
		if response == nil {
			return nil, io.ErrUnexpectedEOF
		}
		return response, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// bubble is a world without a network, whose clock is that of the bubble.
type bubble struct {
	*oidctest.Issuer

	sessions oidc.Sessions
	client   oidc.Client
	out      *lockedBuffer
}

func newBubble(t *testing.T) *bubble {
	t.Helper()
	b := &bubble{Issuer: oidctest.NewIssuer(clientID), out: new(lockedBuffer)}
	b.SetURL("https://login.example")
	b.IDToken(nil) // makes the signing key
	dir := filepath.Join(t.TempDir(), "state")
	b.sessions = oidc.Sessions{StateDir: func() string { return dir }, Transport: wire{b.Issuer}}
	b.client = oidc.Client{Issuer: b.URL(), ID: clientID}
	return b
}

func (b *bubble) session(t *testing.T) *oidc.Session {
	t.Helper()
	session, err := b.sessions.Record(t.Context(), b.client)
	if err != nil {
		t.Fatal(err)
	}
	return session
}

// way is the device flow: without a browser, it needs no network.
func (b *bubble) way() oidc.Way {
	return oidc.Way{Out: b.out, Time: 10 * time.Minute, Timeout: 5 * time.Second}
}

// userCode returns the code that was printed last, once it has been.
func (b *bubble) userCode() string {
	synctest.Wait()
	text := b.out.String()
	_, text, _ = strings.Cut(text[max(strings.LastIndex(text, "Open this"), 0):], "enter the code ")
	code, _, _ := strings.Cut(text, ":\n")
	return code
}

// signIn signs the user in.
func (b *bubble) signIn(t *testing.T) *oidc.Session {
	t.Helper()
	session := b.session(t)
	done := make(chan error, 1)
	go func() { done <- session.SignIn(t.Context(), b.way()) }()
	if err := b.ApproveDevice(b.userCode()); err != nil {
		t.Fatalf("got the text %q: %v", b.out.String(), err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return session
}

// A provider that hangs costs a step the time that it has, whatever the step.
func TestHangs(t *testing.T) {
	tests := map[string]struct {
		endpoint, fault string
		refreshes       bool
		says            string
	}{
		"discovery":                {"discovery", "hang", false, "discovering the OpenID provider at"},
		"keys":                     {"keys", "hang", false, "getting the keys that sign ID tokens at"},
		"device":                   {"device", "hang", false, "starting the sign-in with a code at"},
		"discovery for a refresh":  {"discovery", "hang", true, "discovering the OpenID provider at"},
		"keys for a refresh":       {"keys", "hang", true, "getting the keys that sign ID tokens at"},
		"refresh":                  {"token", "hang", true, "refreshing the session at"},
		"refresh that was granted": {"token", "hang-granted", true, "refreshing the session at"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				session := b.session(t)
				if test.refreshes {
					b.signIn(t)
					time.Sleep(oidctest.DefaultLifetime)
				}
				b.Fault(test.endpoint, test.fault)
				start := time.Now()
				_, err := (&oidc.Provider{Session: session, Way: b.way()}).Credential(t.Context())
				want{credential.Unreachable, test.says}.check(t, err)
				want{credential.Unreachable, "no answer within 5s"}.check(t, err)
				if took := time.Since(start); took != 5*time.Second {
					t.Errorf("took %v, want 5s", took)
				}
				b.Fault(test.endpoint, "")
				if test.fault != "hang-granted" && test.refreshes {
					if _, err := (&oidc.Provider{Session: session}).Credential(t.Context()); err != nil {
						t.Errorf("afterwards: got the error %v, want a refreshed session", err)
					}
				}
				if got := b.Reuses(); got != 0 {
					t.Errorf("got %d uses of a spent refresh token, want none", got)
				}
			})
		})
	}
}

// A renewal has two seconds, but a refresh token that was sent has its answer awaited: the next one may be in it.
func TestRefreshOutlastsItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.signIn(t)
		time.Sleep(oidctest.DefaultLifetime)
		b.sessions.Transport = slow{wire{b.Issuer}, "/token", 4 * time.Second}
		session, err := b.sessions.Find(b.client)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := (&oidc.Provider{Session: session, Way: b.way()}).Credential(ctx); err != nil {
			t.Errorf("got the error %v, want the answer awaited", err)
		}
		time.Sleep(oidctest.DefaultLifetime)
		if _, err := (&oidc.Provider{Session: session, Way: b.way()}).Credential(t.Context()); err != nil {
			t.Errorf("got the error %v for the next refresh, want it granted", err)
		}
		if b.Refreshes() != 2 || b.Reuses() != 0 {
			t.Errorf("got %d refreshes and %d reuses, want 2 and none", b.Refreshes(), b.Reuses())
		}
		// With less than a second left, a refresh isn't begun.
		time.Sleep(oidctest.DefaultLifetime)
		ctx, cancel = context.WithTimeout(t.Context(), 900*time.Millisecond)
		defer cancel()
		_, err = (&oidc.Provider{Session: session, Way: b.way()}).Credential(ctx)
		want{credential.Unreachable, "refreshing the session at"}.check(t, err)
		if b.Refreshes() != 2 {
			t.Errorf("got %d refreshes, want no other", b.Refreshes())
		}
	})
}

// slow is a transport that takes its time for a path.
type slow struct {
	http.RoundTripper
	path string
	by   time.Duration
}

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == s.path {
		select {
		case <-time.After(s.by):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return s.RoundTripper.RoundTrip(r)
}

// A code isn't exchanged for longer than a step may take.
func TestExchangeHangs(t *testing.T) {
	w := newWorld(t)
	w.session()
	way := w.way()
	way.Timeout = 10 * time.Second
	sessions := w.sessions()
	sessions.Transport = late{http.DefaultTransport, "/token", way.Timeout}
	session, err := sessions.Find(w.client())
	if err != nil {
		t.Fatal(err)
	}
	_, err = (&oidc.Provider{Session: session, Way: way}).Credential(t.Context())
	want{credential.Unreachable, "exchanging the authorization code at"}.check(t, err)
	w.counts(1, 0, 0)
	_, err = w.get(w.way())
	w.tried(err, "exchanging the authorization code at")
}

// late is a transport that lets a path hang until its request's deadline, without the time that this takes. It panics
// unless that is at most within from now.
type late struct {
	http.RoundTripper
	path   string
	within time.Duration
}

func (l late) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != l.path {
		return l.RoundTripper.RoundTrip(r)
	}
	if deadline, ok := r.Context().Deadline(); !ok || time.Until(deadline) > l.within {
		panic("the request has no deadline, or a late one")
	}
	return nil, context.DeadlineExceeded
}

// A sign-in by code isn't in the way of a session that another process refreshes meanwhile, nor does it undo that.
func TestRefreshDuringSignInByCode(t *testing.T) {
	for _, name := range []string{"refused", "interrupted", "succeeds", "signed out"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				b.SetLifetime(time.Minute)
				session := b.signIn(t)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				done := make(chan error, 1)
				go func() { done <- b.session(t).SignIn(ctx, b.way()) }()
				code := b.userCode()
				time.Sleep(2 * time.Minute)
				if _, err := (&oidc.Provider{Session: session}).Credential(t.Context()); err != nil {
					t.Fatalf("got the error %v, want the session refreshed while somebody signs in", err)
				}
				switch name {
				case "refused":
					b.DenyDevice(code)
					want{credential.Refused, "access_denied"}.check(t, <-done)
				case "interrupted":
					cancel()
					if err := <-done; err == nil {
						t.Error("got no error, want one")
					}
				case "succeeds":
					b.ApproveDevice(code)
					if err := <-done; err != nil {
						t.Error(err)
					}
				case "signed out":
					if remote, err := session.SignOut(t.Context()); remote != nil || err != nil {
						t.Errorf("got the errors %v and %v, want none", remote, err)
					}
					b.DenyDevice(code)
					<-done
					if b.session(t).SignedIn {
						t.Error("got somebody signed in, want nobody")
					}
					return
				}
				time.Sleep(2 * time.Minute)
				if _, err := (&oidc.Provider{Session: session}).Credential(t.Context()); err != nil {
					t.Errorf("got the error %v, want the session refreshed again", err)
				}
				if b.Reuses() != 0 {
					t.Errorf("got %d uses of a spent refresh token, want none", b.Reuses())
				}
			})
		})
	}
}

func TestSignInByCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		session := b.session(t)
		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- session.SignIn(t.Context(), b.way()) }()
		code := b.userCode()
		wantText := "Open this address in a browser, and enter the code " + code + ":\nhttps://login.example/activate\n"
		if got := b.out.String(); got != wantText || code == "" {
			t.Errorf("got %q, want %q", got, wantText)
		}
		time.Sleep(62 * time.Second)
		b.ApproveDevice(code)
		if err := <-done; err != nil || !session.SignedIn || !session.Refreshes {
			t.Fatalf("got the session %+v, %v; want somebody signed in", session, err)
		}
		if got, want := b.Calls("token"), 13; got != want {
			t.Errorf("got %d polls in %v, want %d", got, time.Since(start), want)
		}
		if b.Calls("authorize") != 0 {
			t.Error("got a browser's request, want none")
		}

		// Nobody enters the code.
		b.EndSessions()
		time.Sleep(oidctest.DefaultLifetime)
		start = time.Now()
		way := b.way()
		way.Time = 3 * time.Minute
		_, err := (&oidc.Provider{Session: session, Way: way}).Credential(t.Context())
		want{credential.Refused, "nobody signed in within 3m0s"}.check(t, err)
		if took := time.Since(start); took != way.Time {
			t.Errorf("took %v, want %v", took, way.Time)
		}
		_, err = (&oidc.Provider{Session: session, Way: way}).Credential(t.Context())
		want{credential.Refused, "failed: nobody signed in within 3m0s"}.check(t, err)
	})
}

// A provider may not let a client sign in by code. Then somebody needs a browser that reaches this machine's port.
func TestCodeIsNotForThisClient(t *testing.T) {
	w := newWorld(t)
	w.Fault("device", "unauthorized-client")
	out := &reader{ctx: w.ending()}
	way := oidc.Way{Out: out, Port: w.port, Timeout: time.Minute}
	err := w.session().SignIn(out.ctx, way)
	want{credential.Refused, "nobody signed in within"}.check(t, err)
	if !strings.Contains(out.String(), "Open this address in a browser:\n"+w.URL()+"/authorize?") {
		t.Errorf("got %q, want the address", out)
	}
	w.Fault("device", "500")
	err = w.session().SignIn(t.Context(), way)
	want{credential.Unreachable, "starting the sign-in with a code at"}.check(t, err)
	if errors.Is(err, credential.ErrUnremembered) {
		t.Error("got an error that says that nobody was asked, want none")
	}
}
