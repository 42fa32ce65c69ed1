package oidc_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/oidc"
	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

// atOnce runs n processes' worth of f at once, and fails if one fails.
func (w *world) atOnce(n int, f func() error) {
	w.t.Helper()
	start := make(chan struct{})
	var all sync.WaitGroup
	failures := make(chan error, n)
	for range n {
		all.Go(func() {
			<-start
			if err := f(); err != nil {
				failures <- err
			}
		})
	}
	close(start)
	all.Wait()
	close(failures)
	for err := range failures {
		w.t.Errorf("got the error %v, want all to succeed", err)
	}
}

func TestOneSignInForAll(t *testing.T) {
	w := newWorld(t)
	w.session()
	w.atOnce(50, func() error {
		_, err := w.get(w.way())
		return err
	})
	w.counts(1, 1, 0)
}

func TestOneRefreshForAll(t *testing.T) {
	w := newWorld(t)
	w.must(w.way())
	for n := range 3 {
		w.clock.Add(oidctest.DefaultLifetime)
		w.atOnce(200, func() error {
			_, err := w.get(w.way())
			return err
		})
		w.counts(1, 1, n+1)
	}
}

// Typed sign-ins at once are one, too.
func TestOneTypedSignInForAll(t *testing.T) {
	w := newWorld(t)
	w.session()
	w.atOnce(20, func() error {
		session, err := w.sessions().Find(w.client())
		if err != nil {
			return err
		}
		return session.SignIn(t.Context(), w.way())
	})
	w.counts(1, 1, 0)
	if err := w.session().SignIn(t.Context(), w.way()); err != nil {
		t.Error(err)
	}
	w.counts(2, 2, 0)
}

// childEnv makes the test's binary a process that gets a credential: "<state directory> <issuer> <port> <limit>". The
// limit is how large a file may become, as on a full disk; 0: any size.
const childEnv = "DOKS_AUTH_TEST_SSO_CHILD"

func TestMain(m *testing.M) {
	if args := os.Getenv(childEnv); args != "" {
		os.Exit(child(args))
	}
	os.Exit(m.Run())
}

// child gets a credential and prints it. Instead of opening a browser it prints the address.
func child(args string) int {
	var dir, issuer string
	var port, limit int
	fmt.Sscan(args, &dir, &issuer, &port, &limit)
	if limit > 0 {
		limitFiles(limit)
	}
	session, err := oidc.Sessions{StateDir: func() string { return dir }}.Find(oidc.Client{Issuer: issuer, ID: clientID})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	open := func(_ context.Context, url string) error {
		_, err := fmt.Println("open " + url)
		return err
	}
	way := oidc.Way{Open: open, Port: port, Time: 5 * time.Minute, Timeout: time.Minute}
	got, err := (&oidc.Provider{Session: session, Way: way}).Credential(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("token " + got.Token.Reveal())
	return 0
}

// start starts such a process. lines receives what it prints, errors too.
func (w *world) start(limit int) (cmd *exec.Cmd, lines <-chan string) {
	w.t.Helper()
	executable, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd = exec.Command(executable)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d %d", childEnv, w.dir, w.URL(), w.port, limit))
	out, err := cmd.StdoutPipe()
	cmd.Stderr = cmd.Stdout
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { cmd.Process.Kill() })
	printed := make(chan string, 10)
	go func() {
		defer close(printed)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			printed <- scanner.Text()
		}
	}()
	return cmd, printed
}

func TestOneSignInForAllProcesses(t *testing.T) {
	w := newWorld(t)
	w.SetNow(time.Now)
	w.session()
	tokens := make(map[string]int)
	var outputs []<-chan string
	for range 20 {
		_, lines := w.start(0)
		outputs = append(outputs, lines)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, lines := range outputs {
		all.Go(func() {
			for line := range lines {
				if url, ok := strings.CutPrefix(line, "open "); ok {
					w.open(t.Context(), url)
					continue
				}
				mu.Lock()
				tokens[line]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(tokens) != 1 {
		t.Errorf("got the outputs %v, want one token 20 times", tokens)
	}
	for _, n := range tokens {
		if n != 20 {
			t.Errorf("got the token %d times, want 20", n)
		}
	}
	w.counts(1, 1, 0)
}

// A process that is killed while somebody signs in leaves a memo, and no lock: nothing opens another browser by itself.
func TestKilledSignIn(t *testing.T) {
	w := newWorld(t)
	w.SetNow(time.Now)
	w.clock.Add(time.Since(w.clock.Now()))
	w.session()
	cmd, lines := w.start(0)
	if line, ok := <-lines; !ok || !strings.HasPrefix(line, "open ") {
		t.Fatalf("got %q, want a browser opened", line)
	}
	cmd.Process.Kill()
	cmd.Wait()
	_, err := w.get(w.way())
	w.tried(err, "wasn't completed")
	w.counts(0, 0, 0)
	if err := w.session().SignIn(t.Context(), w.way()); err != nil {
		t.Errorf("typed: got the error %v, want somebody signed in", err)
	}
	w.counts(1, 1, 0)
	w.must(oidc.Way{})
}

// tried fails unless an error says that a sign-in has been tried.
func (w *world) tried(err error, says string) {
	w.t.Helper()
	want{credential.Refused, says}.check(w.t, err)
	e, ok := errors.AsType[*oidc.AttemptError](err)
	if !ok || e.Client != w.client() || !errors.Is(err, credential.ErrUnremembered) {
		w.t.Errorf("got %#v, want an AttemptError with the client, that nobody was asked", err)
	}
}

// A sign-in that nobody answers, or that is refused, isn't repeated for ten minutes, however often it is asked for, and
// the next time for twenty. In a night of eight hours, that is six browsers.
func TestPolls(t *testing.T) {
	tests := map[string]struct {
		refuses bool
		says    string
	}{
		"unanswered": {false, "failed: nobody signed in within"},
		"refused":    {true, `failed: the sign-in was refused: "access_denied": "the user denied the request"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			get := w.getUnanswered
			if test.refuses {
				w.Refuse()
				get = func() (credential.Credential, error) { return w.get(w.way()) }
			}
			for round := range 2 {
				_, err := get()
				want{credential.Refused, ""}.check(t, err)
				if _, ok := errors.AsType[*oidc.AttemptError](err); ok {
					t.Errorf("round %d: got %v, want the sign-in's own error", round, err)
				}
				for second := 1; second < 600<<round; second++ {
					w.clock.Add(time.Second)
					_, err := get()
					w.tried(err, fmt.Sprintf("that began %s ago %s", time.Duration(second)*time.Second, test.says))
				}
				w.clock.Add(time.Second)
				w.counts(round+1, 0, 0)
			}
			if _, err := get(); err == nil {
				t.Error("got a credential, want an error")
			}
			w.counts(3, 0, 0)
			for range 8*60 - 31 { // the rest of the night, a poll a minute
				w.clock.Add(time.Minute)
				get()
			}
			w.counts(6, 0, 0)
			w.Accept()
			if err := w.session().SignIn(t.Context(), w.way()); err != nil {
				t.Errorf("typed: got the error %v, want somebody signed in", err)
			}
			w.must(oidc.Way{})
		})
	}
}

// If the provider remembers the user, a sign-in succeeds in a browser that nobody looks at. So it isn't repeated by
// itself either, whatever a kubeconfig asks for and whatever the provider answers.
func TestPollsThatSignIn(t *testing.T) {
	tests := map[string]struct {
		lifetime time.Duration // of ID tokens
		force    bool          // each run wants a new one
		browsers int           // in an hour
	}{
		"a new ID token each time":    {24 * time.Hour, true, 6},
		"ID tokens that don't last":   {3 * time.Second, false, 120},
		"ID tokens of ordinary times": {15 * time.Minute, false, 4},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Without("refresh")
			w.SetLifetime(test.lifetime)
			w.session()
			for end := w.clock.Now().Add(time.Hour); w.clock.Now().Before(end); w.clock.Add(10 * time.Second) {
				provider := w.provider(w.way())
				if test.force {
					provider.After = w.clock.Now()
				}
				got, err := provider.Credential(t.Context())
				if err == nil {
					err = got.Check(w.clock.Now())
				}
				if err != nil && test.lifetime > time.Minute {
					t.Fatalf("got the error %v, want a credential", err)
				}
				if err != nil {
					want{refused, "ago failed: its ID token can't be used any more"}.check(t, err)
				}
			}
			w.counts(test.browsers, test.browsers, 0)
		})
	}
}

// Who has too little time for a sign-in opens no browser, and whoever asks next isn't told so.
func TestTooLittleTime(t *testing.T) {
	w := newWorld(t)
	w.session()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := w.provider(w.way()).Credential(ctx)
	want{unreachable, "there is too little time"}.check(t, err)
	if !errors.Is(err, credential.ErrUnremembered) {
		t.Errorf("got the error %v, want one that isn't remembered", err)
	}
	w.counts(0, 0, 0)
	w.must(w.way())
}

// A memo that a clock put into the future doesn't last.
func TestAttemptInTheFuture(t *testing.T) {
	w := newWorld(t)
	w.getUnanswered()
	w.clock.Add(-9 * time.Minute)
	_, err := w.get(w.way())
	w.tried(err, "that began 0s ago")
	w.clock.Add(-2 * time.Minute)
	w.must(w.way())
}

// Whoever interrupts a sign-in need not be told that they did.
func TestInterruptedSignIn(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	way := w.way()
	way.Open = func(context.Context, string) error {
		w.opened.Add(1)
		cancel()
		return nil
	}
	_, err := w.provider(way).Credential(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v, want %v", err, context.Canceled)
	}
	_, err = w.get(w.way())
	w.tried(err, "wasn't completed")
	w.counts(1, 0, 0)
}

// A launcher that fails may have opened something all the same: it isn't started again and again.
func TestLauncherFails(t *testing.T) {
	w := newWorld(t)
	way := w.way()
	way.Open = func(context.Context, string) error {
		w.opened.Add(1)
		return errors.New("exit status 3")
	}
	_, err := w.get(way)
	want{credential.Refused, "is necessary, but not possible here: exit status 3"}.check(t, err)
	for range 10 {
		_, err = w.get(way)
		w.tried(err, "exit status 3")
	}
	w.counts(1, 0, 0)
	out := &reader{ctx: w.ending()} // now somebody can read where to go
	way.Out = out
	err = w.session().SignIn(out.ctx, way)
	want{credential.Refused, "nobody signed in within"}.check(t, err)
	if !strings.Contains(out.String(), "Open this address in a browser:\n"+w.URL()) {
		t.Errorf("got %q, want the address", out)
	}
}

// Without a way to sign in, a process waits for another one's sign-in, and takes its result.
func TestWaitWithoutAWay(t *testing.T) {
	w := newWorld(t)
	w.session()
	opened, proceed := make(chan string, 1), make(chan struct{})
	way := w.way()
	way.Open = func(_ context.Context, url string) error {
		opened <- url
		return nil
	}
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		if _, err := w.get(way); err != nil {
			t.Errorf("the one with a browser: %v", err)
		}
	})
	url := <-opened
	// One whose time ends says what it has waited for.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := w.provider(oidc.Way{}).Credential(ctx)
	want{credential.Unreachable, "waiting for another process that is signing in at"}.check(t, err)
	for range 5 {
		all.Go(func() {
			<-proceed
			if _, err := w.get(oidc.Way{}); err != nil {
				t.Errorf("one without: %v", err)
			}
		})
	}
	// So does a command that somebody types, and says so.
	var out lockedBuffer
	typed := w.way()
	typed.Out = &out
	all.Go(func() {
		<-proceed
		if err := w.session().SignIn(t.Context(), typed); err != nil {
			t.Errorf("typed: %v", err)
		}
	})
	close(proceed)
	for !strings.Contains(out.String(), "Waiting for another process that is signing in.\n") {
		time.Sleep(time.Millisecond)
	}
	w.open(t.Context(), url)
	all.Wait()
	w.counts(1, 1, 0)
}

// Whoever can sign in without a browser of this machine doesn't wait for somebody who may have gone.
func TestSignInByCodeDoesNotWait(t *testing.T) {
	w := newWorld(t)
	w.session()
	opened := make(chan string, 1)
	way := w.way()
	way.Open = func(_ context.Context, url string) error {
		opened <- url
		return nil
	}
	done := make(chan error, 1)
	go func() {
		_, err := w.get(way)
		done <- err
	}()
	url := <-opened
	out := &reader{ctx: w.ending()}
	err := w.session().SignIn(out.ctx, oidc.Way{Out: out})
	want{credential.Refused, "nobody signed in within"}.check(t, err)
	if !strings.Contains(out.String(), "enter the code") {
		t.Errorf("got %q, want a code", out)
	}
	w.open(t.Context(), url)
	if err := <-done; err != nil {
		t.Errorf("the other: got the error %v, want it to succeed all the same", err)
	}
	w.counts(1, 1, 0)
}

// A refresh is no sign-in: a typed one that waited for another, which failed, goes on.
func TestRefreshIsNoSignIn(t *testing.T) {
	w := newWorld(t)
	w.must(w.way())
	opened := make(chan string, 1)
	way := w.way()
	way.Open = func(_ context.Context, url string) error {
		opened <- url
		return nil
	}
	sign := func(way oidc.Way) <-chan error {
		session, done := w.session(), make(chan error, 1)
		go func() { done <- session.SignIn(t.Context(), way) }()
		return done
	}
	first := sign(way)
	url := <-opened
	var out lockedBuffer
	waiting := w.way()
	waiting.Out = &out
	second := sign(waiting)
	for !strings.Contains(out.String(), "Waiting for another process that is signing in.\n") {
		time.Sleep(time.Millisecond)
	}
	w.clock.Add(oidctest.DefaultLifetime)
	w.must(oidc.Way{})
	w.Refuse()
	w.Browse(t.Context(), url)
	if err := <-first; err == nil {
		t.Error("got no error from the refused sign-in, want one")
	}
	w.Accept() // perhaps too late for the second one, which is refused then
	<-second
	w.counts(2, w.SignIns(), 1)
}

// Whoever notes a failed sign-in has read the record before. What another process writes meanwhile isn't undone.
func TestNoteUndoesNothing(t *testing.T) {
	w := newWorld(t)
	w.must(w.way())
	w.clock.Add(oidctest.DefaultLifetime)
	out := &reader{ctx: w.ending()}
	refreshed := make(chan error, 1)
	sessions := w.sessions()
	noting := sync.OnceFunc(func() {
		go func() {
			_, err := w.get(oidc.Way{})
			refreshed <- err
		}()
		select {
		case err := <-refreshed:
			refreshed <- err
		case <-time.After(200 * time.Millisecond): // it waits for us, as it should
		}
	})
	sessions.Now = func() time.Time {
		if out.ctx.Err() != nil {
			noting()
		}
		return w.clock.Now()
	}
	session, err := sessions.Find(w.client())
	if err != nil {
		t.Fatal(err)
	}
	err = session.SignIn(out.ctx, oidc.Way{Out: out})
	want{credential.Refused, "nobody signed in within"}.check(t, err)
	if err := <-refreshed; err != nil {
		t.Error(err)
	}
	w.clock.Add(oidctest.DefaultLifetime)
	w.must(oidc.Way{})
	w.counts(1, 1, 2)
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
