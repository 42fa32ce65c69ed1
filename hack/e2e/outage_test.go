//go:build linux

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// sent counts a client's requests, and those with an invalid token. The API server itself caches a token as
// valid for up to ten seconds, so it wouldn't notice one that is sent too late.
type sent struct {
	next         http.RoundTripper
	all, invalid *atomic.Int64
}

func (s sent) RoundTrip(r *http.Request) (*http.Response, error) {
	s.all.Add(1)
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !w.accepts(token) {
		s.invalid.Add(1)
	}
	return s.next.RoundTrip(r)
}

// A client-go program makes requests for a minute, with tokens that expire after five seconds.
func TestShortLivedTokens(t *testing.T) {
	const lifetime, duration = 5 * time.Second, time.Minute
	u := newUser(t, func(api *digitaloceantest.API) { api.Expiry = lifetime })
	path := u.kubeconfig(entry{cluster: w.token, apiVersion: "v1", naming: "args"})
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range u.env {
		name, value, _ := strings.Cut(variable, "=")
		t.Setenv(name, value)
	}
	var all, invalid, failed atomic.Int64
	config.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return sent{next, &all, &invalid} }
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	get := func() error {
		response, err := client.Get(w.token.Server + "/api/v1/namespaces")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		io.Copy(io.Discard, response.Body)
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", response.Status)
		}
		return nil
	}
	var wait sync.WaitGroup
	end := time.Now().Add(duration)
	for range 4 {
		wait.Go(func() {
			for time.Now().Before(end) {
				if err := get(); err != nil {
					failed.Add(1)
					t.Errorf("got error %v, want none", err)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	wait.Wait()
	mints := u.api.Mints(tokenID)
	t.Logf("%d requests in %s: %d failed, %d with an expired token; %d mints",
		all.Load(), duration, failed.Load(), invalid.Load(), mints)
	if all.Load() == 0 || invalid.Load() > 0 {
		t.Errorf("got %d requests, %d with an invalid token; want some, 0", all.Load(), invalid.Load())
	}
	// The leeway is a fifth of the lifetime, and expiries are at whole seconds: each token is used for at least 3 s.
	if most := int(duration/(3*time.Second)) + 1; mints > most {
		t.Errorf("got %d mints, want at most %d", mints, most)
	}
}

// The API goes down. kubectl keeps working until the cached token expires. Then it fails at once, with one
// clear line and one API call.
func TestOutage(t *testing.T) {
	const lifetime = 40 * time.Second
	u := newUser(t, func(api *digitaloceantest.API) { api.Expiry = lifetime })
	config := u.kubeconfig(entry{cluster: w.token, apiVersion: "v1", naming: "host"})
	minted := time.Now()
	u.mustKubectl("kubectl", config, "", "get", "ns")
	u.api.SetFault(digitaloceantest.Status(503, "Retry-After", "600"))
	calls := u.api.Calls()
	inLeeway := 0
	// The margin ensures that the last run ends before the expiry, even on a busy machine.
	for time.Since(minted) < lifetime-4*time.Second {
		got := u.kubectl("kubectl", config, "", "get", "ns")
		if got.code != 0 {
			t.Fatalf("%s after the mint: got exit code %d, want 0: %s", time.Since(minted), got.code, got.stderr)
		}
		if time.Since(minted) > lifetime*4/5 {
			inLeeway++
		}
	}
	if inLeeway == 0 || u.api.Calls() == calls {
		t.Errorf("got %d runs in the leeway with %d calls, want some of both", inLeeway, u.api.Calls()-calls)
	}
	for time.Since(minted) < lifetime+6*time.Second { // until the last failure is forgotten, too
		time.Sleep(100 * time.Millisecond)
	}
	calls = u.api.Calls()
	got := u.kubectl("kubectl", config, "", "get", "ns")
	if got.code == 0 || !strings.Contains(got.stderr, "doks-auth: getting credentials for cluster") ||
		!strings.Contains(got.stderr, "the API failed: Unexpected server-side error (status 503") {
		t.Errorf("got exit code %d, want the API's error: %s", got.code, got.stderr)
	}
	runs := strings.Count(got.stderr, "doks-auth: getting")
	t.Logf("%d kubectls in the leeway succeeded; after the expiry, kubectl failed within %.1f s "+
		"and ran the plugin %d times, with %d API call", inLeeway, got.took.Seconds(), runs, u.api.Calls()-calls)
	// Another kubectl runs the plugin again, which remembers the failure.
	again := u.kubectl("kubectl-old", config, "", "get", "ns")
	if again.code == 0 || !strings.Contains(again.stderr, "the API failed") {
		t.Errorf("an older kubectl: got exit code %d, want the API's error: %s", again.code, again.stderr)
	}
	t.Logf("an older kubectl ran it %d more times, within %.1f s",
		strings.Count(again.stderr, "doks-auth: getting"), again.took.Seconds())
	if asked := u.api.Calls() - calls; asked != 1 {
		t.Errorf("got %d API calls, want 1", asked)
	}
	if got.took > 15*time.Second {
		t.Errorf("got the error after %s, want at most 15s", got.took)
	}

	u.api.SetFault(nil)
	if got := u.plugin("--force-refresh"); got.code != 0 {
		t.Errorf("after the outage: got exit code %d, want 0: %s", got.code, got.stderr)
	}
	u.mustKubectl("kubectl", config, "", "get", "ns")
}
