//go:build linux

package e2e

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// A cluster that refuses whatever the API mints costs one token more, however often kubectl tries.
func TestClusterRefusesAll(t *testing.T) {
	u := newUser(t, nil)
	w.mu.Lock()
	w.apis = slices.DeleteFunc(w.apis, func(api *digitaloceantest.API) bool { return api == u.api })
	w.mu.Unlock()
	config := u.kubeconfig(entry{cluster: w.token, apiVersion: "v1", naming: "host"})
	start := time.Now()
	for range 100 {
		if got := u.kubectl("kubectl", config, "", "get", "ns"); got.code == 0 {
			t.Fatalf("got %+v, want a failure", got)
		}
	}
	t.Logf("100 kubectls in %s: %d mints", time.Since(start).Round(time.Second), u.api.Mints(tokenID))
	if mints := u.api.Mints(tokenID); mints > 2 && time.Since(start) < 10*time.Minute {
		t.Errorf("got %d mints, want 2 at most", mints)
	}
}

// A program that starts the plugin over and over has the cluster asked once in ten seconds.
func TestRepeatedHits(t *testing.T) {
	u := newUser(t, nil)
	var asked atomic.Int64
	connect := digitaloceantest.Proxy(map[string]string{w.token.Host(): w.addr})
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		connect.ServeHTTP(rw, r)
	}))
	defer proxy.Close()
	u.env = append(u.env, "HTTPS_PROXY="+proxy.URL)
	start := time.Now()
	for range 1000 {
		if got := u.plugin(); got.code != 0 {
			t.Fatalf("got %+v, want exit code 0", got)
		}
	}
	took := time.Since(start)
	t.Logf("1,000 hits in %s: the cluster was asked %d times", took.Round(time.Second), asked.Load())
	if most := int64(took/(10*time.Second)) + 1; asked.Load() == 0 || asked.Load() > most {
		t.Errorf("got %d questions in %s, want 1 to %d", asked.Load(), took, most)
	}
	if mints := u.api.Mints(tokenID); mints != 1 {
		t.Errorf("got %d mints, want 1", mints)
	}
}

// A cluster that doesn't answer delays one hit by two seconds, and then none for five minutes.
func TestRepeatedHitsWithoutAnAnswer(t *testing.T) {
	u := newUser(t, nil)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	var asked atomic.Int64
	go func() {
		for {
			connection, err := silent.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			defer connection.Close()
		}
	}()
	u.env = append(u.env, "HTTPS_PROXY=http://"+silent.Addr().String())
	var slowest time.Duration
	for range 30 {
		start := time.Now()
		if got := u.plugin(); got.code != 0 {
			t.Fatalf("got %+v, want exit code 0", got)
		}
		slowest = max(slowest, time.Since(start))
	}
	t.Logf("30 hits: the slowest took %.1f s", slowest.Seconds())
	if asked.Load() != 1 {
		t.Errorf("got %d questions, want 1", asked.Load())
	}
}

// A program on client-go reopens a watch over and over. After a revocation it gets a 401, and goes on with a new token.
func TestWatchHeals(t *testing.T) {
	u := newUser(t, nil)
	kubeconfig := u.kubeconfig(entry{cluster: w.token, apiVersion: "v1", naming: "host"})
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	u.env = append(u.env, "HTTPS_PROXY="+w.proxyURL) // revoke runs the plugin, too
	for _, variable := range u.env {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	watch := func() int {
		response, err := client.Get(w.token.Server + "/api/v1/namespaces?watch=true&timeoutSeconds=1")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		io.Copy(io.Discard, response.Body)
		return response.StatusCode
	}
	if got := watch(); got != http.StatusOK {
		t.Fatalf("got status %d, want 200", got)
	}
	u.revoke(t)
	refused, end := 0, time.Now().Add(time.Minute)
	for ; watch() == http.StatusUnauthorized; time.Sleep(200 * time.Millisecond) { // a verdict counts for ten seconds
		if refused++; time.Now().After(end) {
			t.Fatal("got 401 for a minute, want a new token")
		}
	}
	if got := watch(); got != http.StatusOK || u.api.Mints(tokenID) != 2 {
		t.Errorf("got status %d and %d mints, want 200 and 2", got, u.api.Mints(tokenID))
	}
	t.Logf("refused %d times", refused)
}
