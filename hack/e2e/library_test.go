//go:build linux

package e2e

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
	"github.com/doks-auth/doks-auth/pkg/restconfig"
)

// config returns the library's config for a cluster, which it reaches through the proxy.
func (u *user) config(cluster *digitaloceantest.Cluster, leeway time.Duration) *rest.Config {
	u.t.Helper()
	config, err := restconfig.ForCluster(u.t.Context(), digitalocean.ClusterID(cluster.ID), restconfig.Options{
		AccessToken: credential.NewSecret(accessToken),
		APIURL:      u.server.URL,
		Leeway:      leeway,
	})
	if err != nil {
		u.t.Fatal(err)
	}
	proxy, err := url.Parse(w.proxyURL)
	if err != nil {
		u.t.Fatal(err)
	}
	config.Proxy = http.ProxyURL(proxy)
	config.QPS = -1
	return config
}

// watchSent counts a config's requests, and those whose token isn't valid for its cluster when they
// are sent. The API server itself caches a token as valid for up to ten seconds.
func (u *user) watchSent(config *rest.Config, cluster *digitaloceantest.Cluster, all, invalid *atomic.Int64) {
	withToken := config.WrapTransport
	config.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
		return withToken(sentTo{next, u.api, cluster.ID, all, invalid})
	}
}

// sentTo is like sent, for one of several clusters.
type sentTo struct {
	next         http.RoundTripper
	api          *digitaloceantest.API
	clusterID    string
	all, invalid *atomic.Int64
}

func (s sentTo) RoundTrip(r *http.Request) (*http.Response, error) {
	s.all.Add(1)
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !s.api.Accepts(s.clusterID, token) {
		s.invalid.Add(1)
	}
	return s.next.RoundTrip(r)
}

func (s sentTo) WrappedRoundTripper() http.RoundTripper { return s.next }

// httpClient returns a client for a config, and a function that closes its connections.
func (u *user) httpClient(config *rest.Config) (client *http.Client, close func()) {
	u.t.Helper()
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		u.t.Fatal(err)
	}
	return client, func() { utilnet.CloseIdleConnectionsFor(client.Transport) }
}

// getNamespace gets one object from a cluster.
func getNamespace(client *http.Client, cluster *digitaloceantest.Cluster) error {
	response, err := client.Get(cluster.Server + "/api/v1/namespaces/default")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return err
}

// nothingLeft waits until no goroutine runs in the project's packages.
func nothingLeft(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 16<<20)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		text := string(stacks[:runtime.Stack(stacks, true)])
		if !strings.Contains(text, "doks-auth/pkg/restconfig.") &&
			!strings.Contains(text, "doks-auth/pkg/digitalocean.") {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("got goroutines of the library's, want none: %s", text)
			return
		}
	}
}

// 200 goroutines use 20 clusters, whose tokens expire after five seconds, for two minutes.
//
// There is at most the first mint and one per lifetime: 120 s / 5 s + 1 = 25. Each token is renewed
// at most the leeway before it expires, so it is used for at least 4.85 s; 25 of them last longer than
// two minutes. (With a leeway of a fifth and expiries at whole seconds, it would be 3 s and 41 mints.)
func TestLibraryShortLivedTokens(t *testing.T) {
	const lifetime, leeway, duration = 5 * time.Second, 150 * time.Millisecond, 2 * time.Minute
	u := newUser(t, func(api *digitaloceantest.API) { api.Expiry = lifetime })
	clusters := append([]*digitaloceantest.Cluster{w.token}, w.fleet...)
	var all, invalid, failed atomic.Int64
	var wait sync.WaitGroup
	end := time.Now().Add(duration)
	for _, cluster := range clusters {
		config := u.config(cluster, leeway)
		u.watchSent(config, cluster, &all, &invalid)
		client, closeConnections := u.httpClient(config)
		defer closeConnections()
		for range 10 {
			wait.Go(func() {
				for time.Now().Before(end) {
					if err := getNamespace(client, cluster); err != nil {
						failed.Add(1)
						t.Errorf("got error %v, want none", err)
					}
					time.Sleep(100*time.Millisecond + rand.N(200*time.Millisecond))
				}
			})
		}
	}
	wait.Wait()
	fewest, most := 1<<30, 0
	for _, cluster := range clusters {
		mints := u.api.Mints(cluster.ID)
		fewest, most = min(fewest, mints), max(most, mints)
	}
	t.Logf("200 goroutines, %d clusters, %s: %d requests, %d failed, %d with an expired token; "+
		"%d to %d mints per cluster",
		len(clusters), duration, all.Load(), failed.Load(), invalid.Load(), fewest, most)
	if all.Load() == 0 || invalid.Load() > 0 {
		t.Errorf("got %d requests, %d with an invalid token; want some, 0", all.Load(), invalid.Load())
	}
	if bound := int(duration/lifetime) + 1; len(clusters) != 20 || most > bound || fewest < 20 {
		t.Errorf("got %d clusters, %d to %d mints; want 20 clusters, 20 to %d", len(clusters), fewest, most, bound)
	}
}

var (
	configMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	podVersion = schema.GroupVersion{Version: "v1"}
)

// A watch continues while its token and three later ones expire.
func TestLibraryWatch(t *testing.T) {
	u := newUser(t, func(api *digitaloceantest.API) { api.Expiry = 5 * time.Second })
	client, err := dynamic.NewForConfig(u.config(w.token, 0))
	if err != nil {
		t.Fatal(err)
	}
	resource := client.Resource(configMaps).Namespace("default")
	ctx, cancel := context.WithTimeout(t.Context(), hung)
	defer cancel()
	watch, err := resource.Watch(ctx, metav1.ListOptions{LabelSelector: "test=library-watch"})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	start, events := time.Now(), 0
	for u.api.Mints(tokenID) < 5 {
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap",
			"metadata": map[string]any{
				"generateName": "watched-",
				"labels":       map[string]any{"test": "library-watch"},
			},
		}}
		made, err := resource.Create(ctx, object, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		event, ok := <-watch.ResultChan()
		if !ok || event.Type != "ADDED" || event.Object.(*unstructured.Unstructured).GetName() != made.GetName() {
			t.Fatalf("after %s: got event %+v, %v; want %s added", time.Since(start), event, ok, made.GetName())
		}
		events++
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("a watch returned all %d events in %.0f s, while %d tokens followed its own",
		events, time.Since(start).Seconds(), u.api.Mints(tokenID)-1)
}
