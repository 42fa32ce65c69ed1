//go:build linux

package e2e

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
	"github.com/doks-auth/doks-auth/pkg/restconfig"
)

// A token is revoked while fifty goroutines use it. The API server caches it as valid for up to
// ten seconds and then refuses it.
func TestLibraryRevokedToken(t *testing.T) {
	u := newUser(t, nil)
	var all, invalid atomic.Int64
	config := u.config(w.token, 0)
	u.watchSent(config, w.token, &all, &invalid)
	client, closeConnections := u.httpClient(config)
	var wait sync.WaitGroup
	revoked, end := time.Now().Add(time.Second), time.Now().Add(20*time.Second)
	time.AfterFunc(time.Until(revoked), func() { u.api.Revoke(tokenID) })
	for range 50 {
		wait.Go(func() {
			for time.Now().Before(end) {
				if err := getNamespace(client, w.token); err != nil {
					t.Errorf("got error %v, want none", err)
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	wait.Wait()
	mints := u.api.Mints(tokenID)
	t.Logf("50 goroutines, %d requests: none failed because of the revoked token; %d mints", all.Load(), mints)
	if mints != 2 || invalid.Load() == 0 {
		t.Errorf("got %d mints, %d requests with the revoked token; want 2, some", mints, invalid.Load())
	}
	closeConnections()
	nothingLeft(t)
}

// The API is down for part of a token's lifetime, and then for longer than that.
func TestLibraryOutage(t *testing.T) {
	const lifetime = 40 * time.Second
	u := newUser(t, func(api *digitaloceantest.API) { api.Expiry = lifetime })
	client, closeConnections := u.httpClient(u.config(w.token, 0))
	start := time.Now()
	down, up := digitaloceantest.Status(503, "Retry-After", "600"), digitaloceantest.Fault(nil)
	ask := func(until time.Duration) (good, bad int, last error) {
		for time.Since(start) < until {
			if err := getNamespace(client, w.token); err != nil {
				bad, last = bad+1, err
			} else {
				good++
			}
			time.Sleep(50 * time.Millisecond)
		}
		return good, bad, last
	}

	// The first renewal, after 32 s, fails. The next, after 37 s, is in time.
	u.api.SetFault(down)
	good, bad, err := ask(35 * time.Second)
	u.api.SetFault(up)
	more, badToo, err2 := ask(45 * time.Second)
	if bad+badToo > 0 {
		t.Errorf("down for part of a lifetime: got %d failed requests, want none: %v, %v", bad+badToo, err, err2)
	}
	mints := u.api.Mints(tokenID)
	t.Logf("down for 35 s of a lifetime of 40 s: %d requests, none failed; %d mints", good+more, mints)

	u.api.SetFault(down)
	calls := u.api.Calls()
	good, bad, err = ask(95 * time.Second) // the token expires 40 s after its renewal at 37 s
	if bad == 0 || !strings.Contains(err.Error(), "which expired at ") ||
		!strings.Contains(err.Error(), "the API failed: Unexpected server-side error (status 503") {
		t.Fatalf("down for longer: got %d succeeded, %d failed, %v; want some failed with the API's error",
			good, bad, err)
	}
	t.Logf("down for longer: %d requests succeeded until the token expired, then %d failed, with %d API calls: %v",
		good, bad, u.api.Calls()-calls, err)
	u.api.SetFault(up)
	back := time.Now()
	for getNamespace(client, w.token) != nil {
		if time.Since(back) > 10*time.Second {
			t.Fatal("got only failed requests for 10s after the outage, want recovery")
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("it worked again %.1f s after the API did", time.Since(back).Seconds())
	closeConnections()
	nothingLeft(t)
}

// Requests that upgrade their connection use the token too, including one that replaces a revoked one. The
// fake API server answers each authenticated upgrade with its own error.
func TestLibraryUpgrades(t *testing.T) {
	api := digitaloceantest.NewAPI(accessToken)
	cluster, err := digitaloceantest.NewCluster(tokenID)
	if err != nil {
		t.Fatal(err)
	}
	var upgrade atomic.Value
	cluster.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrade.Store(r.Header.Get("Upgrade"))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure",`+
			`"message":"authenticated","reason":"Teapot","code":418}`)
	})
	if err := cluster.Serve(api); err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	cluster.Server = "https://" + cluster.Addr()
	api.AddCluster(cluster)
	server := httptest.NewServer(api)
	defer server.Close()
	config, err := restconfig.ForCluster(t.Context(), tokenID, restconfig.Options{
		AccessToken: credential.NewSecret(accessToken),
		APIURL:      server.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	config.APIPath, config.GroupVersion = "/api", &podVersion
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.RESTClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	pod := func(subresource string) *rest.Request {
		return client.Post().Namespace("default").Resource("pods").Name("p").SubResource(subresource)
	}
	tests := map[string]struct {
		upgrade string
		do      func(ctx context.Context) error
	}{
		"exec by spdy": {"SPDY/3.1", func(ctx context.Context) error {
			executor, err := remotecommand.NewSPDYExecutor(config, "POST", pod("exec").URL())
			if err != nil {
				return err
			}
			return executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: io.Discard})
		}},
		"attach by websocket": {"websocket", func(ctx context.Context) error {
			executor, err := remotecommand.NewWebSocketExecutor(config, "GET", pod("attach").URL().String())
			if err != nil {
				return err
			}
			return executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: io.Discard})
		}},
		"port-forward by spdy": {"SPDY/3.1", func(context.Context) error {
			transport, upgrader, err := spdy.RoundTripperFor(config)
			if err != nil {
				return err
			}
			client := &http.Client{Transport: transport}
			dialer := spdy.NewDialer(upgrader, client, "POST", pod("portforward").URL())
			_, _, err = dialer.Dial(portforward.PortForwardProtocolV1Name)
			return err
		}},
		"port-forward by websocket": {"websocket", func(context.Context) error {
			dialer, err := portforward.NewSPDYOverWebsocketDialer(pod("portforward").URL(), config)
			if err != nil {
				return err
			}
			_, _, err = dialer.Dial(portforward.PortForwardProtocolV1Name)
			return err
		}},
		"logs": {"", func(ctx context.Context) error {
			return client.Get().Namespace("default").Resource("pods").Name("p").SubResource("log").Do(ctx).Error()
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			mints := api.Mints(tokenID)
			for range 2 {
				upgrade.Store("none")
				err := test.do(t.Context())
				if err == nil || !strings.Contains(err.Error(), "authenticated") || upgrade.Load() != test.upgrade {
					t.Errorf("got upgrade to %q with error %v, want %q and %q",
						upgrade.Load(), err, test.upgrade, "authenticated")
				}
				api.Revoke(tokenID)
				time.Sleep(2 * time.Second) // after two quick refusals, the library pauses renewals
			}
			if more := api.Mints(tokenID) - mints; more < 1 || more > 2 {
				t.Errorf("got %d mints, want 1 or 2", more)
			}
		})
	}
	if _, refused := cluster.Requests(); refused < 5 {
		t.Errorf("got %d refused requests, want at least 5", refused)
	}
}
