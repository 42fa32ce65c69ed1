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

// fakeProvider mints a numbered token on each call, or fails.
type fakeProvider struct {
	mu       sync.Mutex
	calls    int
	err      error
	takes    time.Duration
	lifetime time.Duration
}

func (p *fakeProvider) Credential(ctx context.Context) (credential.Credential, error) {
	p.mu.Lock()
	p.calls++
	n, err, takes := p.calls, p.err, p.takes
	p.mu.Unlock()
	fetchedAt := time.Now()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return credential.Credential{}, ctx.Err()
	}
	if err != nil {
		return credential.Credential{}, err
	}
	return credential.Credential{
		Token:     credential.NewSecret(fmt.Sprintf("token-%d", n)),
		FetchedAt: fetchedAt,
		ExpiresAt: fetchedAt.Add(p.lifetime),
	}, nil
}

func (p *fakeProvider) set(err error, takes time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err, p.takes = err, takes
}

func newCached() (*credential.Cached, *fakeProvider) {
	provider := &fakeProvider{lifetime: time.Hour}
	return &credential.Cached{Provider: provider, Store: new(credential.Memory)}, provider
}

// newDue returns a Cached that holds token-1, due for renewal and valid for four more minutes.
func newDue(t *testing.T) (*credential.Cached, *fakeProvider) {
	t.Helper()
	c, provider := newCached()
	expect(t, c, "token-1")
	time.Sleep(56 * time.Minute)
	return c, provider
}

// expect gets a credential and compares the token or the error's text.
func expect(t *testing.T, c *credential.Cached, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got, err := c.Credential(ctx)
	text := got.Token.Reveal()
	if err != nil {
		text = err.Error()
	}
	if text != want {
		t.Errorf("got %q, want %q", text, want)
	}
}

func failure(class credential.Class) error {
	return &credential.Error{Class: class, Err: errors.New("failed"), Status: 404}
}

// These tests use synctest's clock, which advances only when all goroutines are blocked.

func TestHitAndRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		expect(t, c, "token-1")
		expect(t, c, "token-1")
		time.Sleep(55*time.Minute - time.Second)
		expect(t, c, "token-1")
		time.Sleep(time.Second)
		expect(t, c, "token-2")
		expect(t, c, "token-2")
		time.Sleep(2 * time.Hour)
		expect(t, c, "token-3")
		provider.expectCalls(t, 3)
	})
}

func TestWaitersTakeWhatTheFirstGot(t *testing.T) {
	for _, failing := range []error{nil, failure(credential.Refused)} {
		synctest.Test(t, func(t *testing.T) {
			c, provider := newCached()
			provider.set(failing, time.Second)
			want := "token-1"
			if failing != nil {
				want = "failed"
			}
			var wait sync.WaitGroup
			for range 100 {
				wait.Go(func() { expect(t, c, want) })
			}
			wait.Wait()
			provider.expectCalls(t, 1)
		})
	}
}

func TestFailureIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		provider.set(failure(credential.NotFound), 0)
		expect(t, c, "failed")
		provider.set(nil, 0)
		time.Sleep(5*time.Second - 1)
		_, err := c.Credential(t.Context())
		e, ok := errors.AsType[*credential.Error](err)
		if !ok || e.Class != credential.NotFound || e.Error() != "failed" || e.Status != 404 {
			t.Errorf("got error %#v, want %q of class %q with status 404", err, "failed", credential.NotFound)
		}
		time.Sleep(time.Nanosecond)
		expect(t, c, "token-2")
	})
}

func TestRefreshPassesOverAMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		provider.set(failure(credential.NotFound), 0)
		expect(t, c, "failed")
		provider.set(nil, 0)
		time.Sleep(time.Nanosecond)
		c.Refresh = true
		expect(t, c, "token-2")
		c.Refresh = false
		expect(t, c, "token-2")
	})
}

func TestRefreshesAtOnceShareOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		expect(t, c, "token-1")
		time.Sleep(time.Nanosecond)
		c.Refresh = true
		provider.set(nil, time.Second)
		var wait sync.WaitGroup
		for range 10 {
			wait.Go(func() { expect(t, c, "token-2") })
		}
		wait.Wait()
		expect(t, c, "token-3")
	})
}

func TestInsideTheLeeway(t *testing.T) {
	tests := map[string]struct {
		err   error
		takes time.Duration
		want  string
		took  time.Duration
	}{
		"renewed":     {nil, time.Second, "token-2", time.Second},
		"unreachable": {failure(credential.Unreachable), 0, "token-1", 0},
		"unusable":    {failure(credential.Unusable), 0, "token-1", 0},
		"slow":        {nil, 10 * time.Second, "token-1", 2 * time.Second},
		"refused":     {failure(credential.Refused), 0, "failed", 0},
		"not found":   {failure(credential.NotFound), 0, "failed", 0},
		"unsafe":      {failure(credential.Unsafe), 0, "failed", 0},
		"other":       {errors.New("failed"), 0, "failed", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, provider := newDue(t)
				provider.set(test.err, test.takes)
				start := time.Now()
				expect(t, c, test.want)
				if took := time.Since(start); took != test.took {
					t.Errorf("got the result after %s, want %s", took, test.took)
				}
				expect(t, c, test.want) // the failure is remembered
				provider.expectCalls(t, 2)
				if test.want == "token-1" {
					time.Sleep(5 * time.Minute)
					expect(t, c, map[bool]string{true: "token-3", false: "failed"}[test.err == nil])
				}
			})
		})
	}
}

func TestNobodyWaitsForARenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newDue(t)
		provider.set(nil, time.Second)
		var wait sync.WaitGroup
		wait.Go(func() { expect(t, c, "token-2") })
		synctest.Wait() // the renewal has the lock
		start := time.Now()
		expect(t, c, "token-1")
		if took := time.Since(start); took != 0 {
			t.Errorf("got the cached credential after %s, want it at once", took)
		}
		wait.Wait()
	})
}

func TestStoppedHolderIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := newCached()
		unlock, err := c.Store.Lock(t.Context(), c.Key)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		start := time.Now()
		expect(t, c, "token-1")
		if took := time.Since(start); took != 20*time.Second {
			t.Errorf("got the result after %s, want 20s", took)
		}
	})
}

// Callers bypass a stopped holder one at a time.
func TestStoppedHolderIsPassedOverOnce(t *testing.T) {
	for _, failing := range []error{nil, failure(credential.Unreachable)} {
		synctest.Test(t, func(t *testing.T) {
			c, provider := newCached()
			provider.set(failing, time.Second)
			unlock, err := c.Store.Lock(t.Context(), c.Key)
			if err != nil {
				t.Fatal(err)
			}
			defer unlock()
			want := "token-1"
			if failing != nil {
				want = "failed"
			}
			var wait sync.WaitGroup
			for range 100 {
				wait.Go(func() { expect(t, c, want) })
			}
			wait.Wait()
			provider.expectCalls(t, 1)
		})
	}
}

// A credential that expires while its renewal hangs isn't used.
func TestFallbackEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		expect(t, c, "token-1")
		time.Sleep(time.Hour - time.Second)
		provider.set(nil, time.Hour)
		start := time.Now()
		expect(t, c, "fetching it: timed out")
		if took := time.Since(start); took != 18*time.Second { // a fetch's share of 30 s
			t.Errorf("got the result after %s, want 18s", took)
		}
	})
}

// After a fetch that timed out, only a caller with more time tries again.
func TestFailureForWantOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		provider.set(nil, 5*time.Second)
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := c.Credential(ctx); credential.ClassOf(err) != credential.Unreachable {
				t.Errorf("got error %v, want one of class %q", err, credential.Unreachable)
			}
			cancel()
		}
		provider.expectCalls(t, 1)
		time.Sleep(time.Nanosecond)
		expect(t, c, "token-2")
	})
}

// A fetch that times out leaves waiting callers enough time to learn of it.
func TestHangingProviderIsCalledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		provider.set(nil, time.Hour)
		var wait sync.WaitGroup
		for range 10 {
			wait.Go(func() { expect(t, c, "fetching it: timed out") })
		}
		wait.Wait()
		provider.expectCalls(t, 1)
	})
}

func TestInterruptIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		provider.set(nil, time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := c.Credential(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want %v", err, context.Canceled)
		}
		provider.set(nil, 0)
		expect(t, c, "token-2")
	})
}

func TestLeeway(t *testing.T) {
	tests := map[string]struct {
		leeway, want time.Duration // want: how long before its expiry a one-hour token is renewed
	}{
		"its own":             {0, 5 * time.Minute},
		"longer":              {10 * time.Minute, 10 * time.Minute},
		"shorter":             {time.Millisecond, time.Millisecond},
		"half a life at most": {2 * time.Hour, 30 * time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := newCached()
				c.Leeway = test.leeway
				expect(t, c, "token-1")
				time.Sleep(time.Hour - test.want - 1)
				expect(t, c, "token-1")
				time.Sleep(time.Nanosecond)
				expect(t, c, "token-2")
			})
		})
	}
	c := &credential.Cached{Leeway: time.Minute}
	if at := c.RenewAt(credential.Credential{FetchedAt: time.Now()}); !at.IsZero() {
		t.Errorf("without an expiry: got %s, want the zero time", at)
	}
}

// renew renews old and compares the token or the error's text.
func renew(t *testing.T, c *credential.Cached, old credential.Credential, want string) credential.Credential {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got, err := c.Renew(ctx, old)
	text := got.Token.Reveal()
	if err != nil {
		text = err.Error()
	}
	if text != want {
		t.Errorf("got %q, want %q", text, want)
	}
	return got
}

// Callers of Renew with the same old credential share one new one.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		old := renew(t, c, credential.Credential{}, "token-1")
		provider.set(nil, time.Second)
		var wait sync.WaitGroup
		for range 10 {
			wait.Go(func() { renew(t, c, old, "token-2") })
		}
		wait.Wait()
		renew(t, c, old, "token-2")
		expect(t, c, "token-2")
	})
}

// Inside the leeway, Renew may take longer than the two seconds that Credential has, and doesn't fall back.
func TestRenewInsideTheLeeway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		old := renew(t, c, credential.Credential{}, "token-1")
		time.Sleep(56 * time.Minute)
		provider.set(failure(credential.Unreachable), 0)
		renew(t, c, old, "failed")
		provider.set(nil, 10*time.Second)
		renew(t, c, old, "failed") // it is remembered
		time.Sleep(5 * time.Second)
		renew(t, c, old, "token-3")
	})
}

func TestUnknownExpiryIsNotCached(t *testing.T) {
	c, _ := newCached()
	calls := 0
	c.Provider = credential.ProviderFunc(func(context.Context) (credential.Credential, error) {
		calls++
		return credential.Credential{Token: credential.NewSecret(fmt.Sprint("token-", calls))}, nil
	})
	expect(t, c, "token-1")
	expect(t, c, "token-2")
}

// brokenStore is a Store whose methods all fail.
type brokenStore struct{}

var errBroken = errors.New("broken")

func (brokenStore) Get(context.Context, credential.Key) (credential.Credential, error) {
	return credential.Credential{}, errBroken
}
func (brokenStore) Put(context.Context, credential.Key, credential.Credential) error {
	return errBroken
}
func (brokenStore) Lock(context.Context, credential.Key) (func(), error) { return nil, errBroken }
func (brokenStore) Failure(context.Context, credential.Key) (credential.Failure, error) {
	return credential.Failure{}, errBroken
}
func (brokenStore) PutFailure(context.Context, credential.Key, credential.Failure) error {
	return errBroken
}

func TestBrokenStoreStillDelivers(t *testing.T) {
	c, provider := newCached()
	c.Store = brokenStore{}
	expect(t, c, "token-1")
	expect(t, c, "token-2")
	provider.set(failure(credential.Refused), 0)
	expect(t, c, "failed")
}

func TestIdentity(t *testing.T) {
	one, same, other := credential.NewSecret("one"), credential.NewSecret("one"), credential.NewSecret("other")
	if credential.Identity(one) != credential.Identity(same) || credential.Identity(one) == credential.Identity(other) {
		t.Errorf("got identities %q, %q, %q; want two equal and one different",
			credential.Identity(one), credential.Identity(same), credential.Identity(other))
	}
	if got := credential.Identity(one); len(got) != 32 {
		t.Errorf("got identity %q, want 32 characters", got)
	}
}

// Without a Store each call fetches.
func TestCachedWithoutAStore(t *testing.T) {
	c := &credential.Cached{Provider: &fakeProvider{lifetime: time.Hour}}
	expect(t, c, "token-1")
	old := renew(t, c, credential.Credential{}, "token-2")
	renew(t, c, old, "token-3")
}

// A caller that ignores failures gets each one's own reason, and leaves none for others.
func TestIgnoreFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newCached()
		provider.set(failure(credential.NotFound), 0)
		expect(t, c, "failed")
		ignoring := *c
		ignoring.IgnoreFailures = true
		expect(t, &ignoring, "failed")
		if provider.calls != 2 {
			t.Errorf("got %d calls, want 2", provider.calls)
		}
		provider.set(nil, 0)
		expect(t, &ignoring, "token-3")
		expect(t, c, "token-3")
	})
}
