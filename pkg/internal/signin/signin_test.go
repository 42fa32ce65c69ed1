package signin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

func TestSuccess(t *testing.T) {
	for _, host := range []string{"", loopback4, localhost} {
		t.Run(host, func(t *testing.T) {
			f := start(t, Request{Host: host}, nil)
			u, err := url.Parse(f.redirectURI)
			if want := max(host, loopback4); err != nil || u.Scheme != "http" || u.Hostname() != want || u.Path != "/callback" {
				t.Errorf("got the redirect URI %q, want http://%s:port/callback", f.redirectURI, want)
			}
			f.succeed(t)
		})
	}
}

func TestPage(t *testing.T) {
	f := start(t, Request{Path: "/other/path"}, nil)
	if !strings.HasSuffix(f.redirectURI, "/other/path") {
		t.Errorf("got the redirect URI %q, want it to end with /other/path", f.redirectURI)
	}
	_, body, header := get(t, f.redirectURI+"?code=<script>&state="+state)
	for key, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Content-Type": "text/html; charset=utf-8",
		"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff",
	} {
		if got := header.Get(key); got != want {
			t.Errorf("got %s: %s, want %s", key, got, want)
		}
	}
	if strings.Contains(body, "script") || strings.Contains(body, "http") {
		t.Errorf("got %s\nwant a page without scripts, addresses and the code", body)
	}
	if err := f.end(t); err != nil || f.code != "<script>" {
		t.Errorf("got the code %q, %v; want %q", f.code, err, "<script>")
	}
}

func TestBothLoopbackAddresses(t *testing.T) {
	if !hasIPv6(t.Context()) {
		t.Skip("this machine has no IPv6")
	}
	for _, address := range []string{loopback4, loopback6} {
		f := start(t, Request{Host: localhost}, nil)
		u, _ := url.Parse(f.redirectURI)
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(address, u.Port()))
		}
		client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
		resp, err := client.Get(f.redirectURI + "?code=c&state=" + state)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("got %v, %v at %s, want a page", resp, err, address)
		}
		resp.Body.Close()
		if err := f.end(t); err != nil {
			t.Errorf("got %v, want success", err)
		}
	}
}

func TestExchangeFails(t *testing.T) {
	want := errors.New("the <b>token</b> endpoint is down")
	f := start(t, Request{}, func(context.Context, string, string) error { return want })
	status, body, _ := get(t, f.redirectURI+"?code=c&state="+state)
	if text := "the &lt;b&gt;token&lt;/b&gt; endpoint is down"; status != 400 || !strings.Contains(body, text) {
		t.Errorf("got %d and the page %s\nwant 400 and %q", status, body, text)
	}
	if err := f.end(t); err != want {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestSecondAnswer(t *testing.T) {
	began, proceed := make(chan struct{}), make(chan struct{})
	f := start(t, Request{}, func(context.Context, string, string) error {
		close(began)
		<-proceed
		return nil
	})
	first := make(chan string, 1)
	go func() {
		_, body, _ := get(t, f.redirectURI+"?code=first&state="+state)
		first <- body
	}()
	<-began
	for _, query := range []string{"?code=second&state=", "?error=access_denied&state="} {
		status, body, _ := get(t, f.redirectURI+query+state)
		if status != http.StatusConflict || !strings.Contains(body, "answered before") {
			t.Errorf("got %d and the page %s\nwant %d and %q", status, body, http.StatusConflict, "answered before")
		}
	}
	select {
	case body := <-first:
		t.Errorf("got %s\nbefore the exchange ended, want no page yet", body)
	default:
	}
	close(proceed)
	if body := <-first; !strings.Contains(body, "is signed in.") {
		t.Errorf("got %s\nwant %q", body, "is signed in.")
	}
	if err := f.end(t); err != nil || f.code != "first" {
		t.Errorf("got the code %q, %v; want %q", f.code, err, "first")
	}
}

func TestClosedPage(t *testing.T) {
	began, proceed := make(chan struct{}), make(chan struct{})
	f := start(t, Request{}, func(context.Context, string, string) error {
		close(began)
		<-proceed
		return nil
	})
	u, _ := url.Parse(f.redirectURI)
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET /callback?code=c&state="+state+" HTTP/1.1\r\nHost: "+u.Host+"\r\n\r\n")
	<-began
	conn.Close()
	close(proceed)
	if err := f.end(t); err != nil {
		t.Errorf("got %v, want success without anybody at the page", err)
	}
}

// Browsers connect beforehand and say nothing.
func TestSilentConnection(t *testing.T) {
	f := start(t, Request{}, nil)
	u, _ := url.Parse(f.redirectURI)
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	f.succeed(t)
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := bufio.NewReader(conn).ReadByte(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want the connection closed after the sign-in", err)
	}
}

func TestContextEnds(t *testing.T) {
	f := start(t, Request{}, nil)
	f.cancel()
	if err := f.end(t); !errors.Is(err, context.Canceled) || credential.ClassOf(err) != credential.Other {
		t.Errorf("got %v of the class %q, want %v", err, credential.ClassOf(err), context.Canceled)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	r := Request{State: state, URL: func(string) string { return "https://issuer.example/" }, Out: io.Discard}
	for range 2 { // the second time, the context has ended before
		err := r.Do(ctx, func(context.Context, string, string) error { panic("there is no code") })
		const want = "nobody signed in within "
		if credential.ClassOf(err) != credential.Refused || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v of the class %q, want %q of the class %q", err, credential.ClassOf(err), want, credential.Refused)
		}
	}
}

func TestNobodyCanBeAsked(t *testing.T) {
	want := errors.New("no browser")
	tests := map[string]func(context.Context, string) error{
		"none":  nil,
		"fails": func(context.Context, string) error { return want },
	}
	for name, open := range tests {
		r := Request{State: state, URL: func(string) string { return "https://issuer.example/" }, Open: open}
		err := r.Do(t.Context(), func(context.Context, string, string) error { panic("there is no code") })
		if _, ok := errors.AsType[*OpenError](err); !ok || open != nil && !errors.Is(err, want) {
			t.Errorf("%s: got %v, want an *OpenError", name, err)
		}
	}
}
