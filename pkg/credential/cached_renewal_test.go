package credential_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// expectIn is expect, and also compares how long the call took.
func expectIn(t *testing.T, c *credential.Cached, want string, took time.Duration) {
	t.Helper()
	start := time.Now()
	expect(t, c, want)
	if got := time.Since(start); got != took {
		t.Errorf("got the result after %s, want %s", got, took)
	}
}

func (p *fakeProvider) expectCalls(t *testing.T, want int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls != want {
		t.Errorf("got %d calls, want %d", p.calls, want)
	}
}

// A run shortly before the expiry succeeds with one call, however little time is left.
func TestEndsWhileItIsRenewed(t *testing.T) {
	tests := map[string]struct {
		left, takes time.Duration
		want        string
		took        time.Duration
	}{
		"ends meanwhile":        {150 * time.Millisecond, 300 * time.Millisecond, "token-2", 300 * time.Millisecond},
		"at the last moment":    {1, 300 * time.Millisecond, "token-2", 300 * time.Millisecond},
		"slow":                  {time.Second, 10 * time.Second, "token-2", 10 * time.Second},
		"ends at two seconds":   {2 * time.Second, 10 * time.Second, "token-2", 10 * time.Second},
		"valid at two seconds":  {2*time.Second + 1, 10 * time.Second, "token-1", 2 * time.Second},
		"as slow as the budget": {time.Minute, 2*time.Second - 1, "token-2", 2*time.Second - 1},
		"hangs":                 {time.Second, time.Hour, "fetching it: timed out", 18 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, provider := newCached()
				expect(t, c, "token-1")
				time.Sleep(time.Hour - test.left)
				provider.set(nil, test.takes)
				expectIn(t, c, test.want, test.took)
				provider.expectCalls(t, 2)
			})
		})
	}
}

// The fetch isn't cut short without a lock either.
func TestEndsWhileItIsRenewedWithoutALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		expect(t, c, "token-1")
		time.Sleep(time.Hour - 150*time.Millisecond)
		provider.set(nil, 300*time.Millisecond)
		c.Store = noLock{c.Store}
		expectIn(t, c, "token-2", 300*time.Millisecond)
		provider.expectCalls(t, 2)
	})
}

// noLock is a Store that can't lock.
type noLock struct{ credential.Store }

func (noLock) Lock(context.Context, credential.Key) (func(), error) { return nil, errBroken }

// A failure after the old credential has expired is returned: there is nothing left to fall back on.
func TestFailsAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		expect(t, c, "token-1")
		time.Sleep(time.Hour - 150*time.Millisecond)
		provider.set(failure(credential.Unreachable), 300*time.Millisecond)
		expectIn(t, c, "failed", 300*time.Millisecond)
		provider.expectCalls(t, 2)
	})
}

// Inside the leeway, an API slower than two seconds is called once a minute, not on each run. Once there is
// nothing left to fall back on, it is called at once.
func TestSlowRenewalIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		expect(t, c, "token-1")
		time.Sleep(55 * time.Minute)
		provider.set(nil, 3*time.Second)
		for range 4 {
			expectIn(t, c, "token-1", 2*time.Second)
			for range 59 {
				time.Sleep(time.Second)
				expectIn(t, c, "token-1", 0)
			}
			time.Sleep(time.Second)
		}
		provider.expectCalls(t, 5)
		expectIn(t, c, "token-1", 2*time.Second) // at 59:08
		time.Sleep(52*time.Second - time.Second)
		expectIn(t, c, "token-7", 3*time.Second) // it has just expired
		provider.expectCalls(t, 7)
	})
}

// A remembered slow renewal doesn't fail callers without a valid credential, even if they asked before it
// was remembered.
func TestSlowRenewalIsNobodyElsesFailure(t *testing.T) {
	asks := map[string]func(t *testing.T, c credential.Cached, old credential.Credential, want string){
		"refresh": func(t *testing.T, c credential.Cached, _ credential.Credential, want string) {
			c.Refresh = true
			expect(t, &c, want)
		},
		"renew": func(t *testing.T, c credential.Cached, old credential.Credential, want string) {
			renew(t, &c, old, want)
		},
	}
	for name, ask := range asks {
		for _, meanwhile := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", meanwhile: ", meanwhile), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, provider := newCached()
					old := renew(t, c, credential.Credential{}, "token-1")
					time.Sleep(56 * time.Minute)
					provider.set(nil, 3*time.Second)
					var wait sync.WaitGroup
					wait.Go(func() { expectIn(t, c, "token-1", 2*time.Second) })
					synctest.Wait() // it has the lock
					if !meanwhile {
						wait.Wait()
						time.Sleep(time.Nanosecond)
					}
					ask(t, *c, old, "token-3")
					wait.Wait()
					provider.expectCalls(t, 3)
				})
			})
		}
	}
}

// Inside the leeway, other failures are remembered as long as elsewhere.
func TestFailureInsideTheLeewayIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newDue(t)
		provider.set(failure(credential.Unreachable), 0)
		expect(t, c, "token-1")
		provider.set(nil, 0)
		time.Sleep(5*time.Second - 1)
		expect(t, c, "token-1")
		time.Sleep(time.Nanosecond)
		expect(t, c, "token-3")
	})
}

// A run that has less than two seconds may have minted too.
func TestShortRenewalIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newDue(t)
		provider.set(nil, time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if got, err := c.Credential(ctx); err != nil || got.Token.Reveal() != "token-1" {
			t.Errorf("got %q, %v; want token-1", got.Token.Reveal(), err)
		}
		time.Sleep(59 * time.Second)
		expect(t, c, "token-1")
		provider.expectCalls(t, 2)
		time.Sleep(time.Second)
		expect(t, c, "token-3")
	})
}

// A renewal that isn't begun because getting an access token took too long isn't tried again by each caller.
func TestLateRenewalIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newDue(t)
		const takes = 1500 * time.Millisecond
		asked := 0
		c.Provider = credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
			asked++
			time.Sleep(takes)
			if err := credential.CheckTime(ctx, takes, "getting an access token"); err != nil {
				return credential.Credential{}, err
			}
			return provider.Credential(ctx)
		})
		expectIn(t, c, "token-1", takes)
		time.Sleep(57 * time.Second)
		expectIn(t, c, "token-1", 0)
		if asked != 1 {
			t.Errorf("got %d attempts, want 1", asked)
		}
		time.Sleep(4 * time.Minute) // it has expired, so there is more time
		expectIn(t, c, "token-2", takes)
	})
}

// An interrupt inside the leeway is an error and isn't remembered.
func TestInterruptInsideTheLeeway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newDue(t)
		provider.set(nil, time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if got, err := c.Credential(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %q, %v; want %v", got.Token.Reveal(), err, context.Canceled)
		}
		provider.set(nil, 0)
		expect(t, c, "token-3")
	})
}

// A provider that ignores its context doesn't hold up callers that have something to fall back on.
func TestDeafProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newDue(t)
		provider.set(nil, 10*time.Second)
		c.Provider = credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
			return provider.Credential(context.WithoutCancel(ctx))
		})
		const grace = 100 * time.Millisecond // to return after its context is done
		expectIn(t, c, "token-1", 2*time.Second+grace)
		expectIn(t, c, "token-1", 0)
		time.Sleep(10 * time.Second)
		expectIn(t, c, "token-2", 0) // what it returned late isn't lost
		time.Sleep(56 * time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		got, err := c.Credential(ctx)
		if took := time.Since(start); err != nil || got.Token.Reveal() != "token-2" || took > time.Second+grace {
			t.Errorf("got %q, %v after %s; want token-2 within %s", got.Token.Reveal(), err, took, time.Second+grace)
		}
		time.Sleep(10 * time.Second) // until they return
	})
}

// A caller whose credential expires while it tries the lock waits for the lock.
func TestEndsWhileItTriesTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		expect(t, c, "token-1")
		time.Sleep(time.Hour - 1)
		unlock, err := c.Store.Lock(t.Context(), c.Key)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(5*time.Second, unlock)
		c.Store = slowLock{c.Store}
		expectIn(t, c, "token-2", 5*time.Second)
		provider.expectCalls(t, 2)
	})
}

// slowLock is a Store that takes a nanosecond to report that a lock is held.
type slowLock struct{ credential.Store }

func (s slowLock) Lock(ctx context.Context, key credential.Key) (func(), error) {
	unlock, err := s.Store.Lock(ctx, key)
	if err != nil && ctx.Err() != nil {
		time.Sleep(time.Nanosecond)
	}
	return unlock, err
}

// The injected clock decides whether a credential has expired; the context's clock, how long a call may take.
func TestTwoClocks(t *testing.T) {
	tests := map[string]struct {
		left time.Duration
		rate float64 // of the injected clock, once only left remains
		want string
		took time.Duration
	}{
		"stands still": {time.Second, 0, "token-1", 2 * time.Second},
		"slow":         {time.Second, 0.1, "token-1", 2 * time.Second},
		"alike":        {time.Second, 1, "token-2", 10 * time.Second},
		"fast":         {time.Minute, 3600, "token-2", 10 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, provider := newCached()
				const skew = -1000 * time.Hour
				base, rate := time.Now(), 1.0
				c.Now = func() time.Time {
					return base.Add(skew + time.Duration(rate*float64(time.Since(base))))
				}
				c.Provider = credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
					at := c.Now()
					got, err := provider.Credential(ctx)
					got.FetchedAt, got.ExpiresAt = at, at.Add(time.Hour)
					return got, err
				})
				expectIn(t, c, "token-1", 0)
				time.Sleep(time.Hour - test.left)
				provider.set(nil, 10*time.Second)
				base, rate = time.Now(), test.rate
				expectIn(t, c, test.want, test.took)
				provider.expectCalls(t, 2)
			})
		})
	}
}

// While the old credential is valid for longer than that, the provider's deadline is in two seconds, so that
// it doesn't start what it can't finish.
func TestDeadlineInsideTheLeeway(t *testing.T) {
	deadlines := map[time.Duration]time.Duration{time.Minute: 2 * time.Second, time.Second: 18 * time.Second}
	for left, want := range deadlines {
		synctest.Test(t, func(t *testing.T) {
			c, provider := newCached()
			expect(t, c, "token-1")
			time.Sleep(time.Hour - left)
			c.Provider = credential.ProviderFunc(func(ctx context.Context) (credential.Credential, error) {
				if deadline, _ := ctx.Deadline(); time.Until(deadline) != want {
					t.Errorf("%s before the expiry: got a deadline in %s, want %s", left, time.Until(deadline), want)
				}
				return provider.Credential(ctx)
			})
			expect(t, c, "token-2")
		})
	}
}

// A process that never releases any lock may cost a mint, but never the credential.
func TestAllLocksAreHeld(t *testing.T) {
	for _, takes := range []time.Duration{0, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c, provider := newCached()
			provider.set(nil, takes)
			c.Store = heldLocks{c.Store}
			start := time.Now()
			var wait sync.WaitGroup
			wait.Go(func() { expect(t, c, "token-1") })
			wait.Wait()
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("got the result after %s, want at most 30s", took)
			}
			provider.expectCalls(t, 1)
			expectIn(t, c, "token-1", 0)
		})
	}
}

// heldLocks is a Store whose locks are never released.
type heldLocks struct{ credential.Store }

func (heldLocks) Lock(ctx context.Context, _ credential.Key) (func(), error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
