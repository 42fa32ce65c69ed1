//go:build linux

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"
)

// until calls a function until it returns true.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for start := time.Now(); !done(); time.Sleep(500 * time.Millisecond) {
		if time.Since(start) > hung {
			t.Fatalf("got nothing for %s, want that %s", hung, what)
		}
	}
}

// An ID token that ends is replaced without a browser. The access tokens of the providers live much longer, which must
// not count.
func TestSSORefresh(t *testing.T) {
	for _, name := range trusted() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, w.providers[name])
			d.save(ssoShortClient)
			d.sit(nil, allow)
			commands := 0
			until(t, "the session is refreshed twice", func() bool {
				d.reaches()
				commands++
				got := d.counts()
				return t.Failed() || got.Refreshes >= 2 || got.SignIns > 1
			})
			t.Logf("%d commands, %+v", commands, d.counts())
			if got := d.counts(); got.SignIns != 1 || got.Reuses != 0 || len(d.opened()) != 1 {
				t.Errorf("got %+v and %d browsers, want one sign-in and no reuse", got, len(d.opened()))
			}
		})
	}
}

// A session that was stolen, or came back from a backup, has a spent refresh token. When that is used, the provider
// ends the session, and somebody must sign in again.
func TestSSOReuse(t *testing.T) {
	for _, name := range trusted() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, w.providers[name])
			d.save(ssoShortClient)
			d.sit(nil, allow)
			d.reaches()
			state := filepath.Join(d.home, ".local", "state", "doks-auth")
			copied := func(from, to string) {
				t.Helper()
				if err := os.RemoveAll(to); err != nil {
					t.Fatal(err)
				}
				if got := run(t, d.env, "", "cp", "-a", from, to); got.code != 0 {
					t.Fatalf("copying: got %+v, want exit code 0", got)
				}
			}
			backup := filepath.Join(t.TempDir(), "backup")
			copied(state, backup)
			until(t, "the session is refreshed", func() bool {
				d.reaches()
				got := d.counts()
				return t.Failed() || got.Refreshes >= 1 || got.SignIns > 1
			})
			copied(backup, state)
			until(t, "somebody signs in again", func() bool {
				d.reaches()
				return t.Failed() || d.counts().SignIns > 1
			})
			d.reaches()
			if got := d.counts(); got.SignIns != 2 || got.Reuses != 1 || len(d.opened()) != 2 {
				t.Errorf("got %+v and %d browsers, want two sign-ins and one reuse", got, len(d.opened()))
			}
		})
	}
}

// A watch outlives the ID token that opened it, and a kubectl that runs on sends new ones.
func TestSSOLongRunning(t *testing.T) {
	t.Parallel()
	d := newDesk(t, w.providers["zitadel"])
	d.save(ssoShortClient)
	d.sit(nil, allow)
	d.reaches()
	watch := d.start(nil, filepath.Join(deskBin, "kubectl"), "get", "cm", "--watch", "--no-headers")
	proxy := d.start(nil, filepath.Join(deskBin, "kubectl"), "proxy", "--port=0")
	address := proxy.find(regexp.MustCompile(`127\.0\.0\.1:\d+`))
	change := func(name string) {
		t.Helper()
		kubectl := []string{binary("kubectl"), "--kubeconfig=" + w.admin}
		if got := run(t, d.env, "", append(kubectl, "create", "cm", name)...); got.code != 0 {
			t.Fatalf("got %+v, want exit code 0", got)
		}
		t.Cleanup(func() { run(t, d.env, "", append(kubectl, "delete", "cm", name)...) })
		watch.find(regexp.MustCompile(`(?m)^` + name + ` `))
	}
	change("sso-watched-1")
	requests := 0
	for start := time.Now(); time.Since(start) < 2*ssoLifetime+ssoLifetime/2; time.Sleep(200 * time.Millisecond) {
		response, err := http.Get("http://" + address + "/api/v1/namespaces/default")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		requests++
		if response.StatusCode != http.StatusOK {
			t.Errorf("request %d, after %s: got %s, want 200", requests, time.Since(start), response.Status)
		}
	}
	change("sso-watched-2")
	got := d.counts()
	t.Logf("%d requests, %+v", requests, got)
	if got.SignIns != 1 || got.Refreshes < 2 || got.Reuses != 0 || len(d.opened()) != 1 {
		t.Errorf("got %+v and %d browsers, want one sign-in and two refreshes", got, len(d.opened()))
	}
}

// atOnce runs many kubectls at once, which must all reach the cluster. It returns how long the slowest took.
func (d *desk) atOnce(n int) time.Duration {
	d.t.Helper()
	results := make([]result, n)
	var wait sync.WaitGroup
	for i := range results {
		wait.Go(func() { results[i] = d.kubectl("kubectl", "get", "--raw=/api/v1/namespaces/default") })
	}
	wait.Wait()
	var slowest time.Duration
	for _, got := range results {
		slowest = max(slowest, got.took)
		if got.code != 0 {
			d.t.Errorf("got %+v, want exit code 0", got)
		}
	}
	return slowest
}

// However many kubectls need somebody to sign in, one browser is opened, and all of them succeed.
func TestSSOAtOnce(t *testing.T) {
	for name, n := range map[string]int{"20": 20, "200": 200} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, w.providers["oidc-provider"])
			d.save(ssoClient)
			if n > 20 {
				d.setBrowser(bookmark) // a Chromium would start very slowly
				d.sit(browser(t), allow)
			} else {
				d.sit(nil, allow)
			}
			t.Logf("%d kubectls: the slowest took %.1f s", n, d.atOnce(n).Seconds())
			d.expect(counts{SignIns: 1}, 1)
		})
	}
}

// However many kubectls need the session to be refreshed, it is refreshed once.
func TestSSORefreshAtOnce(t *testing.T) {
	d := newDesk(t, w.providers["zitadel"])
	d.save(ssoShortClient)
	d.sit(nil, allow)
	d.reaches()
	signedIn := time.Now()
	if err := d.provider.setShortLifetime(time.Hour); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.provider.setShortLifetime(ssoLifetime); err != nil {
			t.Error(err)
		}
	})
	for time.Since(signedIn) < ssoLifetime { // until the ID token has expired
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("200 kubectls: the slowest took %.1f s", d.atOnce(200).Seconds())
	d.expect(counts{SignIns: 1, Refreshes: 1}, 1)
}
