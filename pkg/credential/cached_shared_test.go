package credential_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// fakeShared is a shared store in memory that can fail. Its Lock returns ErrStored as real ones do.
type fakeShared struct {
	credential.Memory

	mu              sync.Mutex
	broken          error // what every method returns
	readOnly        error // what Put and Lock return
	stored, removed int
}

func (s *fakeShared) fails(writes bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil && writes {
		return s.readOnly
	}
	return s.broken
}

func (s *fakeShared) Get(ctx context.Context, key credential.Key) (credential.Credential, error) {
	if err := s.fails(false); err != nil {
		return credential.Credential{}, err
	}
	return s.Memory.Get(ctx, key)
}

func (s *fakeShared) Put(ctx context.Context, key credential.Key, c credential.Credential) error {
	if err := s.fails(true); err != nil {
		return err
	}
	s.mu.Lock()
	s.stored++
	s.mu.Unlock()
	return s.Memory.Put(ctx, key, c)
}

func (s *fakeShared) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stored
}

func (s *fakeShared) Lock(ctx context.Context, key credential.Key) (func(), error) {
	if err := s.fails(true); err != nil {
		return nil, err
	}
	now, cancel := context.WithCancel(ctx)
	cancel()
	for before := s.count(); ; time.Sleep(50 * time.Millisecond) {
		unlock, err := s.Memory.Lock(now, key)
		if err == nil {
			return unlock, nil
		}
		if s.count() != before {
			return nil, credential.ErrStored
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

func (s *fakeShared) Remove(ctx context.Context, key credential.Key, c credential.Credential) error {
	got, err := s.Get(ctx, key)
	if err == nil && got.Digest() == c.Digest() {
		s.removed++
		return s.Memory.Put(ctx, key, credential.Credential{})
	}
	return nil
}

// machines returns Cached for machines with stores of their own, one shared store and one provider.
func machines(n int) ([]*credential.Cached, *fakeShared, *fakeProvider) {
	shared, provider := new(fakeShared), &fakeProvider{lifetime: time.Hour}
	all := make([]*credential.Cached, n)
	for i := range all {
		all[i] = &credential.Cached{Provider: provider, Store: new(credential.Memory), Shared: shared}
	}
	return all, shared, provider
}

func TestFleetFetchesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet, shared, provider := machines(1000)
		provider.set(nil, 2*time.Second)
		start := time.Now()
		var wait sync.WaitGroup
		for _, c := range fleet {
			wait.Go(func() { expect(t, c, "token-1") })
		}
		wait.Wait()
		provider.expectCalls(t, 1)
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("it took %s, want them all to go on when the first has fetched it", took)
		}
		shared.broken = errors.New("down") // what was shared is in each machine's own store by now
		for _, c := range fleet {
			expect(t, c, "token-1")
		}
		provider.expectCalls(t, 1)
	})
}

func TestFleetRenewsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet, _, provider := machines(50)
		for _, c := range fleet[:40] {
			expect(t, c, "token-1")
		}
		time.Sleep(56 * time.Minute) // it is due, and valid
		provider.set(nil, time.Second)
		renewed := make(chan struct{})
		go func() {
			defer close(renewed)
			expect(t, fleet[0], "token-2")
		}()
		time.Sleep(500 * time.Millisecond)
		start := time.Now()
		for _, c := range fleet[1:] { // also those that have none of their own
			expect(t, c, "token-1")
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("whoever had a valid one waited %s", took)
		}
		<-renewed
		for _, c := range fleet {
			expect(t, c, "token-2")
		}
		provider.expectCalls(t, 2)
	})
}

// A shared store doesn't change how long a renewal may take, nor that one which took too long isn't repeated at once.
func TestSlowRenewalWithASharedStore(t *testing.T) {
	for takes, want := range map[time.Duration]string{
		1500 * time.Millisecond: "token-2", 2500 * time.Millisecond: "token-1",
	} {
		synctest.Test(t, func(t *testing.T) {
			c, provider := newDue(t)
			c.Shared = new(fakeShared)
			provider.set(nil, takes)
			for range 5 {
				expect(t, c, want)
				time.Sleep(6 * time.Second)
			}
			provider.expectCalls(t, 2)
		})
	}
}

// slowShared is a shared store that takes half a second for each answer.
type slowShared struct{ fakeShared }

func (s *slowShared) Get(ctx context.Context, key credential.Key) (credential.Credential, error) {
	time.Sleep(500 * time.Millisecond)
	return s.fakeShared.Get(ctx, key)
}

func (s *slowShared) Put(ctx context.Context, key credential.Key, c credential.Credential) error {
	time.Sleep(500 * time.Millisecond)
	return s.fakeShared.Put(ctx, key, c)
}

func (s *slowShared) Lock(ctx context.Context, key credential.Key) (func(), error) {
	time.Sleep(500 * time.Millisecond)
	unlock, err := s.fakeShared.Lock(ctx, key)
	return func() { time.Sleep(500 * time.Millisecond); unlock() }, err
}

// What was fetched isn't lost if the shared store takes too long to take it.
func TestSlowSharedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, provider := newDue(t)
		c.Shared = new(slowShared)
		provider.set(nil, 200*time.Millisecond)
		if _, err := c.Credential(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Shared = nil // as if this process had ended, and another one began
		expect(t, c, "token-2")
		provider.expectCalls(t, 2)
		time.Sleep(time.Second)
	})
}

// A failed renewal is remembered on its machine, and the credential that it holds is used.
func TestFleetInAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet, _, provider := machines(2)
		expect(t, fleet[0], "token-1")
		time.Sleep(56 * time.Minute)
		provider.set(failure(credential.Unreachable), 0)
		for range 5 {
			expect(t, fleet[0], "token-1")
			expect(t, fleet[1], "token-1") // from the shared store
		}
		provider.expectCalls(t, 3)
		time.Sleep(5 * time.Minute)
		expect(t, fleet[0], "failed")
		expect(t, fleet[1], "failed")
	})
}

// Nothing depends on the shared store.
func TestSharedStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet, shared, provider := machines(3)
		shared.broken = errors.New("down")
		expect(t, fleet[0], "token-1")
		expect(t, fleet[0], "token-1")
		shared.broken, shared.readOnly = nil, errors.New("full")
		expect(t, fleet[1], "token-2")
		shared.readOnly = nil
		shared.Memory.Put(t.Context(), credential.Key{}, credential.Credential{Token: credential.NewSecret("not valid")})
		expect(t, fleet[2], "token-3")
		provider.expectCalls(t, 3)
	})
}

// changing is a shared store in which there is always something new that is of no use.
type changing struct{ fakeShared }

func (*changing) Lock(context.Context, credential.Key) (func(), error) {
	return nil, credential.ErrStored
}

func TestSharedStoreKeepsChanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet, _, provider := machines(1)
		fleet[0].Shared = new(changing)
		expect(t, fleet[0], "token-1")
		provider.expectCalls(t, 1)
	})
}

// A machine elsewhere that doesn't release the lock delays others, as a process does.
func TestSharedLockIsNeverReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet, shared, provider := machines(2)
		if _, err := shared.Memory.Lock(t.Context(), credential.Key{}); err != nil {
			t.Fatal(err)
		}
		expect(t, fleet[0], "token-1")
		expect(t, fleet[1], "token-1")
		provider.expectCalls(t, 1)
	})
}

// What the cluster refuses is removed from the shared store and never taken from there again; what another machine
// has put there in its place is used.
func TestRefusedIsNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet, shared, provider := machines(2)
		for _, c := range fleet {
			c.Store = &judging{Memory: new(credential.Memory)}
		}
		expect(t, fleet[0], "token-1")
		expect(t, fleet[1], "token-1")
		first, err := fleet[0].Credential(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		refuses := credential.Asker{Ask: func(_ context.Context, c credential.Credential) credential.Verdict {
			if c.Token.Reveal() == "token-1" {
				return credential.Refuses
			}
			return credential.Accepts
		}}
		for _, c := range fleet {
			got, err := c.Heal(t.Context(), first, refuses)
			if err != nil || got.Token.Reveal() != "token-2" {
				t.Errorf("got %q, %v; want token-2", got.Token.Reveal(), err)
			}
		}
		provider.expectCalls(t, 2)
		if shared.removed != 1 {
			t.Errorf("removed %d times, want once", shared.removed)
		}

		// Somebody puts the first one back.
		shared.Memory.Put(t.Context(), credential.Key{}, first)
		fleet[0].Store.(*judging).Memory.Put(t.Context(), credential.Key{}, credential.Credential{})
		expect(t, fleet[0], "token-3")

		// And again, after the cluster has accepted another one.
		third, err := fleet[0].Credential(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fleet[0].Heal(t.Context(), third, refuses); err != nil {
			t.Error(err)
		}
		shared.Memory.Put(t.Context(), credential.Key{}, first)
		fleet[0].Store.(*judging).Memory.Put(t.Context(), credential.Key{}, credential.Credential{})
		expect(t, fleet[0], "token-4")
	})
}

// Whoever wants a new credential gets neither an old one from the shared store nor one as a fallback.
func TestRefreshPassesOverTheSharedStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fleet, _, provider := machines(2)
		expect(t, fleet[0], "token-1")
		time.Sleep(time.Second)
		fleet[1].Refresh = true
		fleet[1].Now = func() time.Time { return time.Now().Add(-time.Minute) } // the other machine's clock is ahead
		expect(t, fleet[1], "token-2")
		fleet[1].Now = nil
		time.Sleep(time.Second)
		provider.set(failure(credential.Unreachable), 0)
		expect(t, fleet[1], "failed")
	})
}
