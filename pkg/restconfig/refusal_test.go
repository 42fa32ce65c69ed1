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

// newRequest returns a request for the cluster, with a body that can be sent again unless it is "".
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

// A revoked token costs one mint, however many see it refused, and no caller does.
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
				t.Errorf("%d mints", f.mints)
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
			t.Error(got)
		}
		if diff := cmp.Diff([]string{"the body", "the body"}, f.bodies); diff != "" {
			t.Error(diff)
		}
	})
}

// A body that can't be sent again: the caller gets the 401, and the next request a new token.
func TestBodyThatCannotBeSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, _ := f.client(t, credential.Cached{})
		f.revoke()
		req := newRequest(t, "the body")
		req.GetBody = nil
		if got := send(client, req); got != "Unauthorized" {
			t.Error(got)
		}
		expect(t, client, "token-2")
		if f.mints != 2 {
			t.Errorf("%d mints", f.mints)
		}
	})
}

// A server that refuses everything gets few tokens minted: in a day of two requests a second no more
// than a dozen in the first hour, and one an hour then.
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
			t.Errorf("%d mints", f.mints)
		}
		if sent := len(f.bodies); sent > 2*24*3600+f.mints {
			t.Errorf("%d requests", sent)
		}
		f.set(func() { f.respond = nil })
		if got := get(t.Context(), client); !strings.HasPrefix(got, "token-") {
			t.Error(got)
		}
	})
}

// A refused token that can't be renewed: the error says so, and the token isn't used again.
func TestRefusedAndUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, _ := f.client(t, credential.Cached{})
		f.revoke()
		f.set(func() { f.err = unreachable() })
		for range 10 {
			expect(t, client, `renewing the token for server "https://cluster.example:6443", which refused it: the API failed`)
		}
		if f.refused != 1 || f.mints != 2 {
			t.Errorf("%d refused, %d calls", f.refused, f.mints)
		}
		f.set(func() { f.err = nil })
		time.Sleep(5 * time.Second)
		expect(t, client, "token-3")
	})
}

// Two programs that share a Store share a renewal; a token from the Store that was revoked too is
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
			t.Errorf("%d mints", f.mints)
		}
	})
}

// A provider that keeps tokens itself, and gives again the one that was refused, or is due for renewal.
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
			t.Errorf("%d calls in a minute of leeway", calls)
		}
		f.revoke()
		calls := f.mintsSoFar()
		for range 100 {
			got := get(t.Context(), client)
			if !strings.HasSuffix(got, "which refused it: the provider's credential can't be used: it is the one that the server refused") && got != "Unauthorized" {
				t.Error(got)
			}
		}
		if calls = f.mintsSoFar() - calls; calls > 1 || f.refused > 1 {
			t.Errorf("%d calls, %d requests", calls, f.refused)
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
		want := `renewing the token for server "https://cluster.example:6443", which refused it: waiting for it: context canceled`
		if got := get(ctx, client); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		time.Sleep(30 * time.Second) // the renewal, which nobody waits for, ends by itself
	})
}

// A websocket upgrade tells of a refusal by an error, and changes the request that it gets: see
// RoundTripper of client-go/transport/websocket.
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
				t.Errorf("%v, %s, %v", err, req.URL, req.Header)
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
			t.Errorf("%v, %d mints", err, f.mints)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
