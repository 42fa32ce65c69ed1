package signin

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

const state = "the-right-state"

// flow is a sign-in that is running.
type flow struct {
	redirectURI string
	cancel      context.CancelFunc
	out         *screen
	result      chan error

	// What the exchange got. Read it after end.
	code      string
	exchanged string
}

// screen is what people see.
type screen struct {
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{}
}

func newScreen() *screen { return &screen{changed: make(chan struct{})} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// await returns once the screen shows text.
func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	late := time.After(time.Minute)
	for {
		s.mu.Lock()
		got, changed := s.text.String(), s.changed
		s.mu.Unlock()
		if strings.Contains(got, text) {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("got %s\nwant %q in it", got, text)
		}
	}
}

// start starts a sign-in and returns once it listens. exchange may be nil.
func start(t *testing.T, r Request, exchange Exchange) *flow {
	t.Helper()
	// No test waits as long as this, unless it fails.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	f := &flow{cancel: cancel, out: newScreen(), result: make(chan error, 1)}
	t.Cleanup(cancel)
	redirectURIs := make(chan string, 1)
	r.State = state
	r.Out = f.out
	r.URL = func(redirectURI string) string {
		redirectURIs <- redirectURI
		return "https://issuer.example/authorize?redirect_uri=" + url.QueryEscape(redirectURI) + "&state=" + state
	}
	go func() {
		f.result <- r.Do(ctx, func(ctx context.Context, code, redirectURI string) error {
			f.code, f.exchanged = code, redirectURI
			if exchange == nil {
				return nil
			}
			return exchange(ctx, code, redirectURI)
		})
	}()
	select {
	case f.redirectURI = <-redirectURIs:
	case <-ctx.Done():
		t.Fatal("got no listener, want one")
	}
	return f
}

// end returns what the sign-in returns, and checks that its port is free again.
func (f *flow) end(t *testing.T) error {
	t.Helper()
	err := <-f.result
	if f.code != "" && f.exchanged != f.redirectURI {
		t.Errorf("got the redirect URI %q in the exchange, want %q", f.exchanged, f.redirectURI)
	}
	u, _ := url.Parse(f.redirectURI)
	hosts := []string{loopback4}
	if u.Hostname() == localhost && hasIPv6(t.Context()) {
		hosts = append(hosts, loopback6)
	}
	for _, host := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(host, u.Port()))
		if err != nil {
			t.Errorf("got %v for the port after the sign-in, want it free", err)
			continue
		}
		l.Close()
	}
	return err
}

// get requests an address and returns status, body and header.
func get(t *testing.T, address string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req)
}

func do(t *testing.T, req *http.Request) (int, string, http.Header) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header
}

// succeed sends the right answer and checks that it ends the sign-in.
func (f *flow) succeed(t *testing.T) {
	t.Helper()
	status, body, _ := get(t, f.redirectURI+"?code=the-code&state="+state)
	if status != http.StatusOK || !strings.Contains(body, "doks-auth is signed in.") {
		t.Errorf("got %d and the page %s\nwant %d and %q", status, body, http.StatusOK, "doks-auth is signed in.")
	}
	if err := f.end(t); err != nil || f.code != "the-code" {
		t.Errorf("got the code %q, %v; want %q", f.code, err, "the-code")
	}
}
