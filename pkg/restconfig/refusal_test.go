package restconfig_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/restconfig"
)

// newRequest returns a request to the cluster. Its body, if not "", can be sent again.
func newRequest(t *testing.T, body string) *http.Request {
	t.Helper()
	var reader io.Reader
	method := http.MethodGet
	if body != "" {
		method, reader = http.MethodPost, strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, serverURL+"/api", reader)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// A revoked token costs one mint, however many requests are refused, and no caller notices.
func TestRevokedToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, _ := f.client(t, credential.Cached{})
		expect(t, client, "token-1")
		for i, want := range []string{"token-2", "token-3"} {
			f.revoke()
			var wait sync.WaitGroup
			for range 50 {
				wait.Go(func() { expect(t, client, want) })
			}
			wait.Wait()
			if f.mints != i+2 {
				t.Errorf("got %d mints, want %d", f.mints, i+2)
			}
			time.Sleep(3 * time.Second)
		}
	})
}

func TestBodyIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, _ := f.client(t, credential.Cached{})
		f.revoke()
		if got := send(client, newRequest(t, "the body")); got != "token-2" {
			t.Errorf("got %q, want %q", got, "token-2")
		}
		if diff := cmp.Diff([]string{"the body", "the body"}, f.bodies); diff != "" {
			t.Errorf("bodies (-want +got):\n%s", diff)
		}
	})
}

// If the body can't be sent again, the caller gets the 401, and the next request uses a new token.
func TestBodyThatCannotBeSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, _ := f.client(t, credential.Cached{})
		f.revoke()
		req := newRequest(t, "the body")
		req.GetBody = nil
		if got := send(client, req); got != "Unauthorized" {
			t.Errorf("got %q, want %q", got, "Unauthorized")
		}
		expect(t, client, "token-2")
		if f.mints != 2 {
			t.Errorf("got %d mints, want 2", f.mints)
		}
	})
}

// A server that refuses everything causes few mints: with two requests a second, at most a dozen
// in the first hour and one an hour after that.
func TestServerThatRefusesEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		f.lifetime = 7 * 24 * time.Hour
		client, _ := f.client(t, credential.Cached{})
		f.set(func() { f.respond = func(*http.Request) *http.Response { return response(401, "Unauthorized") } })
		for range 2 * 24 * 3600 {
			expect(t, client, "Unauthorized")
			time.Sleep(time.Second / 2)
		}
		if f.mints > 12+24 {
			t.Errorf("got %d mints, want at most %d", f.mints, 12+24)
		}
		if sent := len(f.bodies); sent > 2*24*3600+f.mints {
			t.Errorf("got %d requests, want at most %d", sent, 2*24*3600+f.mints)
		}
		f.set(func() { f.respond = nil })
		if got := get(t.Context(), client); !strings.HasPrefix(got, "token-") {
			t.Errorf("got %q, want a token", got)
		}
	})
}

// A new token that is refused, too, isn't replaced for ten minutes. One that the cluster accepted is.
func TestNewTokenIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		f.lifetime = 7 * 24 * time.Hour
		client, _ := f.client(t, credential.Cached{})
		refuse := func() { f.respond = func(*http.Request) *http.Response { return response(401, "Unauthorized") } }
		f.set(refuse)
		for range 599 {
			expect(t, client, "Unauthorized")
			time.Sleep(time.Second)
		}
		if f.mints != 2 {
			t.Errorf("got %d mints within ten minutes, want 2", f.mints)
		}
		f.set(func() { f.respond = nil })
		expect(t, client, "token-2")
		f.set(refuse)
		expect(t, client, "Unauthorized")
		if f.mints != 3 {
			t.Errorf("got %d mints after the cluster accepted one, want 3", f.mints)
		}
	})
}

// If a refused token can't be renewed, the error says so, and the token isn't used again.
func TestRefusedAndUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, _ := f.client(t, credential.Cached{})
		f.revoke()
		f.set(func() { f.err = unreachable() })
		for range 10 {
			expect(t, client,
				`renewing the token for server "https://cluster.example:6443", which refused it: the API failed`)
		}
		if f.refused != 1 || f.mints != 2 {
			t.Errorf("got %d refused requests and %d calls, want 1 and 2", f.refused, f.mints)
		}
		f.set(func() { f.err = nil })
		time.Sleep(5 * time.Second)
		expect(t, client, "token-3")
	})
}

// Two programs that share a Store share renewals. If the token in the Store has been revoked too, it is
// replaced as well.
func TestRefusalWithASharedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		store := new(credential.Memory)
		one, _ := f.client(t, credential.Cached{Store: store})
		other, _ := f.client(t, credential.Cached{Store: store})
		time.Sleep(time.Second)
		f.revoke()
		expect(t, one, "token-2")
		expect(t, other, "token-2")
		time.Sleep(10 * time.Second)
		f.revoke()
		expect(t, one, "token-3")
		time.Sleep(10 * time.Second)
		f.revoke()
		expect(t, other, "token-4")
		if f.mints != 4 {
			t.Errorf("got %d mints, want 4", f.mints)
		}
	})
}

// A provider that caches tokens itself returns one that is due for renewal, or was refused, again.
func TestProviderThatCaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		first, err := f.Credential(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f.change = func(c *credential.Credential) { *c = first }
		client, _ := f.client(t, credential.Cached{})
		time.Sleep(56 * time.Minute)
		for range 60 {
			expect(t, client, "token-1")
			time.Sleep(time.Second)
		}
		if calls := f.mintsSoFar(); calls > 2+12 {
			t.Errorf("got %d calls in a minute of leeway, want at most %d", calls, 2+12)
		}
		f.revoke()
		calls := f.mintsSoFar()
		const want = "which refused it: the provider's credential can't be used: " +
			"it is the one that the server refused"
		for range 100 {
			got := get(t.Context(), client)
			if !strings.HasSuffix(got, want) && got != "Unauthorized" {
				t.Errorf("got %q, want %q or %q", got, want, "Unauthorized")
			}
		}
		if calls = f.mintsSoFar() - calls; calls > 1 || f.refused > 1 {
			t.Errorf("got %d calls and %d refused requests, want at most 1 each", calls, f.refused)
		}
	})
}

func TestWaitForARefusedTokenEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, _ := f.client(t, credential.Cached{})
		f.revoke()
		f.set(func() { f.takes = time.Minute })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		want := `renewing the token for server "https://cluster.example:6443", ` +
			"which refused it: waiting for it: context canceled"
		if got := get(ctx, client); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		time.Sleep(30 * time.Second) // until the renewal, for which nobody waits, ends
	})
}

// A refused WebSocket upgrade returns an error, and client-go's upgrades modify the request: see
// RoundTripper in client-go/transport/websocket.
func TestRefusedUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		config, err := restconfig.New(t.Context(), &credential.Cached{Provider: f})
		if err != nil {
			t.Fatal(err)
		}
		upgrade := func(req *http.Request) (*http.Response, error) {
			resp, err := f.RoundTrip(req)
			if err != nil || req.URL.Scheme != "https" || req.Header.Get("Sec-Websocket-Protocol") == "" {
				t.Errorf("got a request for %s with %v, %v; want the original one", req.URL, req.Header, err)
			}
			req.URL.Scheme = "wss"
			delete(req.Header, "Sec-Websocket-Protocol")
			if resp.StatusCode == http.StatusUnauthorized {
				return nil, &httpstream.UpgradeFailureError{Cause: errors.NewUnauthorized("Unauthorized")}
			}
			return resp, err
		}
		rt, err := rest.HTTPWrappersForConfig(config, roundTripper(upgrade))
		if err != nil {
			t.Fatal(err)
		}
		f.revoke()
		req := newRequest(t, "")
		req.Header.Set("Sec-Websocket-Protocol", "v5.channel.k8s.io")
		if resp, err := rt.RoundTrip(req); err != nil || resp.StatusCode != http.StatusOK || f.mints != 2 {
			t.Errorf("got %v, %v after %d mints; want status 200 after 2", resp, err, f.mints)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// replaying is a shared store that, whatever is put, has what was put first and second, by turns.
type replaying struct {
	credential.Memory

	put   []credential.Credential
	asked int
}

func (r *replaying) Put(_ context.Context, _ credential.Key, c credential.Credential) error {
	r.put = append(r.put, c)
	return nil
}

func (r *replaying) Get(context.Context, credential.Key) (credential.Credential, error) {
	if len(r.put) < 2 {
		return credential.Credential{}, &credential.MissError{Reason: "absent"}
	}
	r.asked++
	return r.put[r.asked/2%2], nil
}

func (*replaying) Remove(context.Context, credential.Key, credential.Credential) error { return nil }

// Tokens that were refused are of no use, however often a shared store has them.
func TestRefusedTokensArePutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		f.lifetime = 7 * 24 * time.Hour
		client, _ := f.client(t, credential.Cached{Shared: new(replaying)})
		for _, want := range []string{"token-1", "token-2", "token-3", "token-4"} {
			expect(t, client, want)
			expect(t, client, want)
			f.revoke()
			time.Sleep(time.Hour)
		}
	})
}
