package restconfig_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/restconfig"
)

// These tests use synctest's clock, which advances only when all goroutines are blocked. A bubble ends only
// when all its goroutines have, so each test also shows that it leaks none.

const serverURL = "https://cluster.example:6443"

// fakeCluster is a provider of tokens, and the transport to a server that accepts them.
type fakeCluster struct {
	mu       sync.Mutex
	minted   map[string]time.Time // the accepted tokens, with their expiry
	mints    int
	refused  int // number of 401 responses
	bodies   []string
	hosts    map[string]int // number of requests with a token, by host
	lifetime time.Duration
	takes    time.Duration
	err      error                              // returned by the provider
	change   func(c *credential.Credential)     // applied to the provider's credentials
	respond  func(*http.Request) *http.Response // replaces the server
}

func newFakeCluster() *fakeCluster {
	return &fakeCluster{lifetime: time.Hour, minted: make(map[string]time.Time), hosts: make(map[string]int)}
}

// set changes the fake while it is in use.
func (f *fakeCluster) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeCluster) revoke() { f.set(func() { clear(f.minted) }) }

func (f *fakeCluster) mintsSoFar() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mints
}

// Credential implements credential.Provider.
func (f *fakeCluster) Credential(ctx context.Context) (credential.Credential, error) {
	f.mu.Lock()
	takes := f.takes
	f.mu.Unlock()
	fetchedAt := time.Now()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return credential.Credential{}, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mints++ // failures count too
	if f.err != nil {
		return credential.Credential{}, f.err
	}
	c := credential.Credential{
		Server:    serverURL,
		Token:     credential.NewSecret(fmt.Sprintf("token-%d", f.mints)),
		FetchedAt: fetchedAt,
		ExpiresAt: time.Now().Add(f.lifetime),
	}
	f.minted[c.Token.Reveal()] = c.ExpiresAt
	if f.change != nil {
		f.change(&c)
	}
	return c, nil
}

// RoundTrip implements http.RoundTripper. The response's body is the token.
func (f *fakeCluster) RoundTrip(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		data, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		body = string(data)
		req.Body.Close()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bodies = append(f.bodies, body)
	token, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	if token != "" {
		f.hosts[req.URL.Host]++
	}
	if f.respond != nil {
		return f.respond(req), nil
	}
	if end, ok := f.minted[token]; !ok || !time.Now().Before(end) {
		f.refused++
		return response(http.StatusUnauthorized, "Unauthorized"), nil
	}
	return response(http.StatusOK, token), nil
}

func response(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// client returns a client for the cluster, and its log.
func (f *fakeCluster) client(t *testing.T, cached credential.Cached) (*http.Client, *bytes.Buffer) {
	t.Helper()
	log := new(bytes.Buffer)
	cached.Provider, cached.Log = f, slog.New(slog.NewTextHandler(log, nil))
	config, err := restconfig.New(t.Context(), &cached)
	if err != nil {
		t.Fatal(err)
	}
	config.Transport = f
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	return client, log
}

// get makes a request and returns the response's body, or the error's text without the prefix that
// http.Client adds.
func get(ctx context.Context, client *http.Client) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, serverURL+"/api", nil)
	if err != nil {
		return err.Error()
	}
	return send(client, req)
}

func send(client *http.Client, req *http.Request) string {
	resp, err := client.Do(req)
	if err != nil {
		return errors.Unwrap(err).Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}

// expect makes a request and compares the result of get.
func expect(t *testing.T, client *http.Client, want string) {
	t.Helper()
	if got := get(t.Context(), client); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// ago formats the time d ago as errors do.
func ago(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339) }
