package oidc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/signin"
	"github.com/doks-auth/doks-auth/pkg/oidc"
	"github.com/doks-auth/doks-auth/pkg/oidc/oidctest"
)

// A taken port is an error at once. Nobody was asked, so once it is free, somebody is.
func TestPortIsTaken(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "::1"} {
		t.Run(address, func(t *testing.T) {
			w := newWorld(t)
			taken, err := net.Listen("tcp", net.JoinHostPort(address, fmt.Sprint(w.port)))
			if err != nil {
				t.Skip(err)
			}
			defer taken.Close()
			for range 3 {
				_, err = w.get(w.way())
				want{credential.Usage, fmt.Sprintf("listening for the browser on port %d: ", w.port)}.check(t, err)
				e, ok := errors.AsType[*signin.PortError](err)
				if !ok || e.Port != w.port || !errors.Is(err, credential.ErrUnremembered) {
					t.Errorf("got %#v, want a PortError with the port, that nobody was asked", err)
				}
			}
			w.counts(0, 0, 0)
			taken.Close()
			w.must(w.way())
			w.counts(1, 1, 0)
		})
	}
}

// Two providers have the same port, and the second waits until the first's sign-in has ended.
func TestTwoProvidersOnOnePort(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	other.dir, other.port = w.dir, w.port
	opened := make(chan string, 1)
	way := w.way()
	way.Open = func(_ context.Context, url string) error {
		opened <- url
		return nil
	}
	done := make(chan error, 2)
	go func() {
		_, err := w.get(way)
		done <- err
	}()
	url := <-opened
	var out lockedBuffer
	await := func(want string) {
		for !strings.Contains(out.String(), want) {
			time.Sleep(time.Millisecond)
		}
	}
	otherWay := other.way()
	otherWay.Out = &out
	otherWay.Open = func(ctx context.Context, url string) error {
		go func() {
			await("Continue in your browser.") // it is only said to whoever hasn't signed in yet
			other.open(ctx, url)
		}()
		return nil
	}
	other.session()
	go func() {
		_, err := other.get(otherWay)
		done <- err
	}()
	await("Waiting for another process that is signing in.\n")
	other.counts(0, 0, 0)
	w.open(t.Context(), url)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	w.counts(1, 1, 0)
	other.counts(1, 1, 0)
}

// Any page in the browser can make it send requests to the port. Only the provider's answer ends the sign-in.
func TestOtherPagesHitTheCallback(t *testing.T) {
	w := newWorld(t)
	way := w.way()
	at := fmt.Sprintf("http://localhost:%d", w.port)
	way.Open = func(ctx context.Context, address string) error {
		u, err := url.Parse(address)
		if err != nil {
			return err
		}
		state := u.Query().Get("state")
		hits := []struct {
			method, address, host string
			status                int
		}{
			{http.MethodGet, at + "/callback?error=access_denied", "", 400},
			{http.MethodGet, at + "/callback?error=access_denied&state=other", "", 400},
			{http.MethodGet, at + "/callback?code=c", "", 400},
			{http.MethodGet, at + "/callback?code=c&state=", "", 400},
			{http.MethodGet, at + "/callback?code=c&state=" + strings.ToLower(state), "", 400},
			{http.MethodGet, at + "/callback?code=c&state=" + state + "&state=" + state, "", 400},
			{http.MethodGet, at + "/callback?code=c&error=e&state=" + state, "", 400},
			{http.MethodGet, at + "/callback?state=" + state, "", 400},
			{http.MethodGet, at + "/callback", "", 400},
			{http.MethodGet, at + "/favicon.ico", "", 404},
			{http.MethodGet, at + "/callback/?code=c&state=" + state, "", 404},
			{http.MethodPost, at + "/callback?code=c&state=" + state, "", 405},
			{http.MethodHead, at + "/callback?code=c&state=" + state, "", 200},
			{http.MethodGet, at + "/callback?code=c&state=" + state, "stranger.example", 421},
		}
		for _, hit := range hits {
			request, err := http.NewRequestWithContext(ctx, hit.method, hit.address, nil)
			if err != nil {
				return err
			}
			request.Host = hit.host
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Errorf("%s %s: %v", hit.method, hit.address, err)
				continue
			}
			response.Body.Close()
			if response.StatusCode != hit.status {
				t.Errorf("%s %s for the host %q: got %s, want %d",
					hit.method, hit.address, hit.host, response.Status, hit.status)
			}
		}
		return w.open(ctx, address)
	}
	w.must(way)
	w.counts(1, 1, 0)
	if got := w.Calls("token"); got != 1 {
		t.Errorf("got %d calls for tokens, want 1", got)
	}
}

func TestBothLoopbackAddressesAnswer(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "::1"} {
		if l, err := net.Listen("tcp", net.JoinHostPort(address, "0")); err != nil {
			t.Logf("there is no %s", address)
			continue
		} else {
			l.Close()
		}
		w := newWorld(t)
		w.SetClient(&http.Client{Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
				if host, port, err := net.SplitHostPort(to); err == nil && host == "localhost" {
					to = net.JoinHostPort(address, port)
				}
				return new(net.Dialer).DialContext(ctx, network, to)
			},
		}})
		w.must(w.way())
		w.counts(1, 1, 0)
	}
}

// The redirect is the one that is registered for doctl, with all that a provider wants of a public client.
func TestAddressToOpen(t *testing.T) {
	w := newWorld(t)
	w.SetRedirects(fmt.Sprintf("http://localhost:%d/callback", w.port))
	way := w.way()
	var query url.Values
	way.Open = func(ctx context.Context, address string) error {
		u, err := url.Parse(address)
		if err == nil {
			query = u.Query()
		}
		return w.open(ctx, address)
	}
	w.must(way)
	first := query
	if err := w.session().SignIn(t.Context(), way); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"client_id": clientID, "response_type": "code", "code_challenge_method": "S256",
		"redirect_uri": fmt.Sprintf("http://localhost:%d/callback", w.port),
		"scope":        "openid email team_role offline_access",
	} {
		if got := query[name]; len(got) != 1 || got[0] != want {
			t.Errorf("got %s %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(query.Get(name)) < 26 || query.Get(name) == first.Get(name) {
			t.Errorf("got %s %q, then %q; want random ones", name, first.Get(name), query.Get(name))
		}
	}
	if oidc.DefaultPort != 8080 || oidctest.DefaultRedirect != "http://localhost:8080/callback" {
		t.Errorf("got the port %d, want 8080", oidc.DefaultPort)
	}
}

// Where there is no browser, somebody pastes the address that one on another machine ends at.
func TestPaste(t *testing.T) {
	w := newWorld(t)
	w.Without("device")
	elsewhere := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	reader, writer := io.Pipe()
	defer writer.Close()
	out := &notifying{heard: make(chan string, 10)}
	way := oidc.Way{Out: out, Paste: reader, Port: w.port, Time: 5 * time.Minute, Timeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- w.session().SignIn(t.Context(), way) }()
	text := <-out.heard
	_, address, _ := strings.Cut(text, "\n")
	response, err := elsewhere.Get(strings.TrimSpace(address))
	if err != nil {
		t.Fatalf("got the text %q: %v", text, err)
	}
	response.Body.Close()
	<-out.heard // the prompt
	fmt.Fprintln(writer, "http://localhost/callback?code=c&state=other")
	if text := <-out.heard; text != "Not accepted: that address doesn't belong to this sign-in.\n" {
		t.Errorf("got %q, want it to say what is wrong", text)
	}
	fmt.Fprintln(writer, response.Header.Get("Location"))
	if err := <-done; err != nil {
		t.Error(err)
	}
	w.counts(0, 1, 0)
	w.must(oidc.Way{})
}

// notifying is a writer that passes on what is written.
type notifying struct {
	bytes.Buffer
	heard chan string
}

func (n *notifying) Write(p []byte) (int, error) {
	n.heard <- string(p)
	return len(p), nil
}
