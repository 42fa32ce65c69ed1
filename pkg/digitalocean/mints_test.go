package digitalocean_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// A request that may have minted isn't retried; one that certainly hasn't is.
func TestOneMintACall(t *testing.T) {
	tests := map[string]struct{ calls, mints int }{ // by fault
		"reset-minted": {1, 1},
		"cut-minted":   {1, 1},
		"502-minted":   {1, 1},
		"504-minted":   {1, 1},
		"524-minted":   {1, 1},
		"502":          {1, 0},
		"504":          {1, 0},
		"expires-9999": {1, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, _, client := newAPI(t, nil)
			api.SetFault(digitaloceantest.Named()[name])
			_, err := fetch(t, client, 0)
			if err != nil && credential.ClassOf(err) != credential.Unreachable {
				t.Errorf("got %v of class %q, want %q", err, credential.ClassOf(err), credential.Unreachable)
			}
			if calls, mints := api.Calls(), api.Mints(string(clusterID)); calls != test.calls || mints != test.mints {
				t.Errorf("got %d calls and %d mints, want %d and %d", calls, mints, test.calls, test.mints)
			}
		})
	}
}

// net/http itself repeats a GET when a reused connection breaks, but not one that mints.
func TestOneMintOnAConnectionInUse(t *testing.T) {
	for name, transport := range map[string]http.RoundTripper{"our transport": nil, "the caller's": &http.Transport{}} {
		t.Run(name, func(t *testing.T) {
			api, _, client := newAPI(t, func(o *digitalocean.Options) { o.Transport = transport })
			if _, err := client.Clusters(t.Context()); err != nil {
				t.Fatal(err)
			}
			listed := api.Calls()
			api.SetFault(digitaloceantest.Named()["reset-minted"])
			_, err := fetch(t, client, 0)
			if credential.ClassOf(err) != credential.Unreachable {
				t.Errorf("got error %v, want one of class %q", err, credential.Unreachable)
			}
			if calls, mints := api.Calls()-listed, api.Mints(string(clusterID)); calls != 1 || mints != 1 {
				t.Errorf("got %d calls and %d mints, want 1 and 1", calls, mints)
			}
		})
	}
}

// Without a connection nothing was minted, so the call is retried.
func TestNoConnectionIsRepeated(t *testing.T) {
	t.Parallel()
	var dials atomic.Int64
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials.Add(1) <= 2 {
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused")}
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	api, _, client := newAPI(t, func(o *digitalocean.Options) {
		o.Transport = &http.Transport{DialContext: dial}
	})
	if _, err := fetch(t, client, 0); err != nil || api.Calls() != 1 {
		t.Errorf("got %v, %d calls; want 1 call", err, api.Calls())
	}
}

// A proxy that fails to connect hasn't forwarded the request.
func TestFailedConnectIsRepeated(t *testing.T) {
	t.Parallel()
	var connects atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connects.Add(1)
		http.Error(w, "no way", http.StatusBadGateway)
	}))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, _, client := newAPI(t, func(o *digitalocean.Options) {
		o.APIURL, o.Transport = "https://api.invalid", &http.Transport{Proxy: http.ProxyURL(address)}
	})
	if _, err := fetch(t, client, 0); credential.ClassOf(err) != credential.Unreachable || connects.Load() != 3 {
		t.Errorf("got %v after %d connects, want 3", err, connects.Load())
	}
}

// A transport that doesn't trace may have delivered the request.
func TestUnknownTransportIsNotRepeated(t *testing.T) {
	t.Parallel()
	var trips atomic.Int64
	_, _, client := newAPI(t, func(o *digitalocean.Options) {
		o.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
			trips.Add(1)
			return nil, io.EOF
		})
	})
	if _, err := fetch(t, client, 0); credential.ClassOf(err) != credential.Unreachable || trips.Load() != 1 {
		t.Errorf("got %v after %d attempts, want 1", err, trips.Load())
	}
	if _, err := client.Clusters(t.Context()); credential.ClassOf(err) != credential.Unreachable || trips.Load() != 4 {
		t.Errorf("a list: got %v after %d attempts, want 3", err, trips.Load()-1)
	}
}

// The API doesn't see the empty body that keeps net/http from repeating a request.
func TestRequestHasNoBody(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			var got *http.Request
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r
				body, err := io.ReadAll(r.Body)
				if len(body) > 0 || err != nil {
					t.Errorf("got body %q, %v; want none", body, err)
				}
				io.WriteString(w, "{}")
			}))
			server.EnableHTTP2 = protocol == "HTTP/2.0"
			server.StartTLS()
			defer server.Close()
			client, err := digitalocean.NewClient(digitalocean.Options{
				AccessToken: digitalocean.AccessToken{Secret: credential.NewSecret(accessToken)},
				APIURL:      server.URL,
				Transport:   server.Client().Transport,
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = fetch(t, client, 0)
			checkUnusable(t, err, "neither a token nor a client certificate")
			if got == nil || got.Proto != protocol || len(got.TransferEncoding) > 0 ||
				got.Header.Get("Content-Length") != "" {
				t.Errorf("got %+v, want a request by %s without a body", got, protocol)
			}
		})
	}
}

// A timeout is reported as such even after the request was sent.
func TestTimeoutAfterTheRequest(t *testing.T) {
	api, _, client := newAPI(t, nil)
	api.SetFault(digitaloceantest.Named()["hang-minted"])
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := client.Credential(ctx, clusterID, 0)
	timedOut := credential.ClassOf(err) == credential.Unreachable && strings.Contains(err.Error(), "no answer within ")
	if !timedOut || api.Calls() != 1 {
		t.Errorf("got %v, %d calls; want a timeout after 1 call", err, api.Calls())
	}
}

// slowBearer is a Bearer that leaves a call hardly any time.
type slowBearer struct{ digitalocean.AccessToken }

// Token implements digitalocean.Bearer.
func (b slowBearer) Token(ctx context.Context) (credential.Secret, error) {
	deadline, _ := ctx.Deadline()
	time.Sleep(time.Until(deadline) - 200*time.Millisecond)
	return b.AccessToken.Token(ctx)
}

// A call for which getting an access token has left too little time would mint and lose the answer. It isn't made, and
// the next caller, who has the access token at once, isn't told that it failed.
func TestNoMintWithoutTime(t *testing.T) {
	t.Parallel()
	api, _, client := newAPI(t, func(o *digitalocean.Options) {
		o.AccessToken = slowBearer{o.AccessToken.(digitalocean.AccessToken)}
	})
	api.SetDelay(time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := client.Credential(ctx, clusterID, 0)
	if credential.ClassOf(err) != credential.Unreachable || !errors.Is(err, credential.ErrUnremembered) {
		t.Errorf("got %v, want an error of class %q that isn't remembered", err, credential.Unreachable)
	}
	if calls, mints := api.Calls(), api.Mints(string(clusterID)); calls != 0 || mints != 0 {
		t.Errorf("got %d calls and %d mints, want none", calls, mints)
	}
}

// A short deadline alone doesn't keep a call from being made.
func TestMintWithAShortDeadline(t *testing.T) {
	t.Parallel()
	api, _, client := newAPI(t, nil)
	api.SetDelay(time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := client.Credential(ctx, clusterID, 0); err == nil || errors.Is(err, credential.ErrUnremembered) {
		t.Errorf("got %v, want that no answer came", err)
	}
}
