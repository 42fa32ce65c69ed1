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

// sent watches the tokens that a client sends. The API server itself accepts a token for up to ten
// seconds after it saw it, and so would hide one that is sent too late.
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

// A client-go program that makes requests all along, with tokens that live for five seconds, for a
// minute.
func TestShortLivedTokens(t *testing.T) {
	const lifetime, duration = 5 * time.Second, time.Minute
	u := newUser(t, func(api *digitaloceantest.API) { api.Expiry = lifetime })
	config, err := clientcmd.BuildConfigFromFlags("", u.kubeconfig(entry{cluster: w.token, apiVersion: "v1", naming: "args"}))
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
					t.Error(err)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	wait.Wait()
	mints := u.api.Mints(tokenID)
	t.Logf("%d requests in %s: %d failed, %d carried a token past its end; %d mints", all.Load(), duration, failed.Load(), invalid.Load(), mints)
	if all.Load() == 0 || invalid.Load() > 0 {
		t.Errorf("%d of %d requests carried a token that isn't valid", invalid.Load(), all.Load())
	}
	// A fifth of a lifetime is leeway, and ends are at whole seconds: three seconds' use at the least.
	if most := int(duration/(3*time.Second)) + 1; mints > most {
		t.Errorf("%d mints, more than %d", mints, most)
	}
}

// The API goes down. Until the cached token ends kubectl works on; then it fails at once, with one
// clear line, and the API is asked once.
func TestOutage(t *testing.T) {
	const lifetime = 40 * time.Second
	u := newUser(t, func(api *digitaloceantest.API) { api.Expiry = lifetime })
	config := u.kubeconfig(entry{cluster: w.token, apiVersion: "v1", naming: "host"})
	minted := time.Now()
	u.mustKubectl("kubectl", config, "", "get", "ns")
	u.api.SetFault(digitaloceantest.Status(503, "Retry-After", "600"))
	calls := u.api.Calls()
	inLeeway := 0
	// A margin: a run that begins before the end must end before it too, on a busy machine as well.
	for time.Since(minted) < lifetime-4*time.Second {
		got := u.kubectl("kubectl", config, "", "get", "ns")
		if got.code != 0 {
			t.Fatalf("%s after the mint: %s", time.Since(minted), got.stderr)
		}
		if time.Since(minted) > lifetime*4/5 {
			inLeeway++
		}
	}
	if inLeeway == 0 || u.api.Calls() == calls {
		t.Errorf("%d runs in the leeway, %d calls: the test shows nothing", inLeeway, u.api.Calls()-calls)
	}
	for time.Since(minted) < lifetime+6*time.Second { // and until what failed before is forgotten
		time.Sleep(100 * time.Millisecond)
	}
	calls = u.api.Calls()
	got := u.kubectl("kubectl", config, "", "get", "ns")
	if got.code == 0 || !strings.Contains(got.stderr, "doks-auth: getting credentials for cluster") || !strings.Contains(got.stderr, "the API failed: Unexpected server-side error (status 503") {
		t.Errorf("exit code %d: %s", got.code, got.stderr)
	}
	runs := strings.Count(got.stderr, "doks-auth: getting")
	t.Logf("%d kubectls in the leeway succeeded; after the end kubectl failed within %.1f s, ran the plugin %d times, and the API was asked %d time",
		inLeeway, got.took.Seconds(), runs, u.api.Calls()-calls)
	// Another kubectl runs the plugin again, and it has the failure in memory.
	again := u.kubectl("kubectl-old", config, "", "get", "ns")
	if again.code == 0 || !strings.Contains(again.stderr, "the API failed") {
		t.Errorf("exit code %d: %s", again.code, again.stderr)
	}
	t.Logf("an older kubectl ran it %d times more, within %.1f s", strings.Count(again.stderr, "doks-auth: getting"), again.took.Seconds())
	if asked := u.api.Calls() - calls; asked != 1 {
		t.Errorf("the API was asked %d times", asked)
	}
	if got.took > 15*time.Second {
		t.Errorf("it took %s", got.took)
	}

	u.api.SetFault(nil)
	if got := u.plugin("--force-refresh"); got.code != 0 {
		t.Errorf("after the outage: %s", got.stderr)
	}
	u.mustKubectl("kubectl", config, "", "get", "ns")
}
