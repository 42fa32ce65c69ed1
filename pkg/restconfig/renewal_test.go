package restconfig_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

func unreachable() error {
	return &credential.Error{Class: credential.Unreachable, Err: errors.New("the API failed")}
}

// Inside the leeway, all requests share one renewal, and none waits for it.
func TestRenewalInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, _ := f.client(t, credential.Cached{})
		expect(t, client, "token-1")
		time.Sleep(55*time.Minute - 1)
		expect(t, client, "token-1")
		synctest.Wait()
		if f.mints != 1 {
			t.Errorf("got %d mints before the leeway, want 1", f.mints)
		}
		time.Sleep(time.Nanosecond)
		f.set(func() { f.takes = 10 * time.Second })
		start := time.Now()
		var wait sync.WaitGroup
		for range 100 {
			wait.Go(func() { expect(t, client, "token-1") })
		}
		wait.Wait()
		if took := time.Since(start); took > 0 {
			t.Errorf("got the responses after %s, want them at once", took)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		expect(t, client, "token-2")
		if f.mints != 2 {
			t.Errorf("got %d mints, want 2", f.mints)
		}
	})
}

func TestLeeway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, _ := f.client(t, credential.Cached{Leeway: time.Minute})
		time.Sleep(59*time.Minute - 1)
		expect(t, client, "token-1")
		synctest.Wait()
		expect(t, client, "token-1")
		time.Sleep(time.Nanosecond)
		expect(t, client, "token-1")
		synctest.Wait()
		expect(t, client, "token-2")
	})
}

// Without a valid token all requests wait for one renewal, each until its context ends.
func TestRequestsWaitForAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, _ := f.client(t, credential.Cached{})
		time.Sleep(2 * time.Hour)
		f.set(func() { f.takes = 10 * time.Second })
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wait sync.WaitGroup
		wait.Go(func() {
			want := `renewing the token for server "https://cluster.example:6443", which expired at ` +
				ago(time.Hour) + ": waiting for it: context deadline exceeded"
			if got := get(impatient, client); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
		for range 100 {
			wait.Go(func() { expect(t, client, "token-2") })
		}
		wait.Wait()
		if f.mints != 2 {
			t.Errorf("got %d mints, want 2", f.mints)
		}
	})
}

// A canceled request doesn't cancel the renewal.
func TestRenewalOutlivesItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, _ := f.client(t, credential.Cached{})
		time.Sleep(2 * time.Hour)
		f.set(func() { f.takes = 10 * time.Second })
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		get(impatient, client)
		expect(t, client, "token-2")
		if f.mints != 2 {
			t.Errorf("got %d mints, want 2", f.mints)
		}
	})
}

// While the token is valid, an outage goes unnoticed. Then requests fail with its error until it is over.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, log := f.client(t, credential.Cached{})
		f.set(func() { f.err = unreachable() })
		time.Sleep(time.Minute)
		for range 59 * 60 {
			expect(t, client, "token-1")
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if calls := f.mintsSoFar() - 1; calls < 50 || calls > 60 {
			t.Errorf("got %d calls in five minutes of leeway, want 50 to 60", calls)
		}
		if msg := `msg="failed to renew the token"`; !strings.Contains(log.String(), msg) {
			t.Errorf("got log %s, want %s in it", log, msg)
		}
		want := `renewing the token for server "https://cluster.example:6443", which expired at ` +
			ago(0) + ": the API failed"
		calls := f.mintsSoFar()
		for range 100 {
			expect(t, client, want)
		}
		if calls = f.mintsSoFar() - calls; calls > 1 {
			t.Errorf("got %d calls for 100 requests at once, want at most 1", calls)
		}
		f.set(func() { f.err = nil })
		time.Sleep(5 * time.Second) // a failure is remembered
		mints := f.mintsSoFar()
		if got := get(t.Context(), client); !strings.HasPrefix(got, "token-") {
			t.Errorf("got %q, want a token", got)
		}
		if got := f.mintsSoFar() - mints; got != 1 {
			t.Errorf("got %d mints after the outage, want 1", got)
		}
	})
}

// 200 goroutines use 20 clusters, whose tokens expire after five seconds: there is the first mint, and
// one per lifetime.
func TestShortLivedTokens(t *testing.T) {
	const lifetime, duration = 5 * time.Second, 2 * time.Minute
	synctest.Test(t, func(t *testing.T) {
		var wait sync.WaitGroup
		for range 20 {
			f := newFakeCluster()
			f.lifetime, f.takes = lifetime, 20*time.Millisecond
			end := time.Now().Add(duration)
			client, _ := f.client(t, credential.Cached{Leeway: 150 * time.Millisecond})
			for i := range 10 {
				wait.Go(func() {
					time.Sleep(time.Duration(i) * 31 * time.Millisecond)
					for time.Now().Before(end) {
						if got := get(t.Context(), client); !strings.HasPrefix(got, "token-") {
							t.Errorf("got %q, want a token", got)
						}
						time.Sleep(310 * time.Millisecond)
					}
				})
			}
			t.Cleanup(func() {
				if most := int(duration/lifetime) + 1; f.refused > 0 || f.mints > most {
					t.Errorf("got %d refused requests and %d mints, want 0 and at most %d", f.refused, f.mints, most)
				}
			})
		}
		wait.Wait()
	})
}

// If the API recovers inside the leeway, it is called again in time.
func TestOutageForPartOfALifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, _ := f.client(t, credential.Cached{})
		for elapsed := range 7200 {
			switch elapsed {
			case 10:
				f.set(func() { f.err = unreachable() })
			case 59 * 60:
				f.set(func() { f.err = nil })
			}
			if got := get(t.Context(), client); !strings.HasPrefix(got, "token-") {
				t.Fatalf("after %d s: got %q, want a token", elapsed, got)
			}
			time.Sleep(time.Second)
		}
	})
}

// A provider that ignores its context can't make requests wait forever.
func TestProviderThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, _ := f.client(t, credential.Cached{})
		release := make(chan struct{})
		f.set(func() { f.change = func(*credential.Credential) { <-release } })
		time.Sleep(2 * time.Hour)
		want := `renewing the token for server "https://cluster.example:6443", which expired at ` +
			ago(time.Hour) + ": the provider has not returned after 31s"
		start := time.Now()
		for range 3 {
			expect(t, client, want)
		}
		if waited := time.Since(start); waited > time.Minute {
			t.Errorf("got the errors after %s, want at most a minute", waited)
		}
		close(release)
		synctest.Wait()
		expect(t, client, "token-2")
	})
}

// Unusable credentials from a provider.
func TestBadRenewals(t *testing.T) {
	tests := map[string]struct {
		change func(c *credential.Credential)
		want   string
		class  credential.Class
	}{
		"expired": {
			change: func(c *credential.Credential) { c.ExpiresAt = time.Now().Add(-time.Hour) },
			want:   "the provider's credential can't be used: it expired at ",
			class:  credential.Unusable,
		},
		"of another server": {
			change: func(c *credential.Credential) { c.Server = "https://elsewhere.example" },
			want:   `refusing the new credential: it is for server "https://elsewhere.example"; make a new config`,
			class:  credential.Unsafe,
		},
		"nothing": {
			change: func(c *credential.Credential) { c.Token = credential.Secret{} },
			want:   "it holds neither a token nor a client certificate",
			class:  credential.Unusable,
		},
		"no header": {
			change: func(c *credential.Credential) { c.Token = credential.NewSecret("a\nb") },
			want:   "the token contains a space",
			class:  credential.Unusable,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeCluster()
				client, _ := f.client(t, credential.Cached{})
				f.set(func() { f.change = test.change })
				time.Sleep(56 * time.Minute)
				expect(t, client, "token-1")
				synctest.Wait()
				expect(t, client, "token-1")
				time.Sleep(5 * time.Minute)
				for range 100 {
					get(t.Context(), client)
				}
				if calls := f.mintsSoFar() - 1; calls > 2 {
					t.Errorf("got %d calls, want at most 2", calls)
				}
				_, err := client.Do(newRequest(t, ""))
				if err == nil || !strings.Contains(err.Error(), test.want) || credential.ClassOf(err) != test.class {
					t.Errorf("got error %v of class %q, want %q of class %q",
						err, credential.ClassOf(err), test.want, test.class)
				}
				f.set(func() { f.change = nil })
				time.Sleep(time.Hour)
				if got := get(t.Context(), client); !strings.HasPrefix(got, "token-") {
					t.Errorf("got %q, want a token", got)
				}
			})
		})
	}
}

func TestChangedCertificateAuthority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		client, log := f.client(t, credential.Cached{})
		f.set(func() { f.change = func(c *credential.Credential) { c.CertificateAuthority = []byte("another") } })
		time.Sleep(time.Hour)
		expect(t, client, "token-2")
		const want = "the cluster's certificate authority changed"
		if !strings.Contains(log.String(), want) {
			t.Errorf("got log %s, want %q in it", log, want)
		}
	})
}

// A token with an unknown expiry is used until it is refused.
func TestUnknownExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeCluster()
		f.lifetime = 1000 * time.Hour
		f.change = func(c *credential.Credential) { c.ExpiresAt = time.Time{} }
		client, _ := f.client(t, credential.Cached{})
		time.Sleep(999 * time.Hour)
		expect(t, client, "token-1")
		time.Sleep(time.Hour)
		expect(t, client, "token-2")
	})
}
