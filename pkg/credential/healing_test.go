package credential_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// judging is a Memory that also remembers judgments.
type judging struct {
	*credential.Memory

	mu sync.Mutex
	j  *credential.Judgment
}

func (s *judging) Judgment(context.Context, credential.Key) (credential.Judgment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.j == nil {
		return credential.Judgment{}, &credential.MissError{Reason: "absent"}
	}
	return *s.j, nil
}

func (s *judging) PutJudgment(_ context.Context, _ credential.Key, j credential.Judgment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.j = &j
	return nil
}

// patient is a cluster, and what is cached for it.
type patient struct {
	*credential.Cached

	mints, asked atomic.Int64
	says         func(credential.Credential) credential.Verdict
}

func newPatient(says func(credential.Credential) credential.Verdict) *patient {
	p := &patient{says: says}
	p.Cached = &credential.Cached{
		Store: &judging{Memory: new(credential.Memory)},
		Provider: credential.ProviderFunc(func(context.Context) (credential.Credential, error) {
			token := credential.NewSecret(fmt.Sprintf("token-%d", p.mints.Add(1)))
			now := time.Now()
			return credential.Credential{Token: token, FetchedAt: now, ExpiresAt: now.Add(7 * 24 * time.Hour)}, nil
		}),
	}
	return p
}

func (p *patient) ask(_ context.Context, c credential.Credential) credential.Verdict {
	p.asked.Add(1)
	return p.says(c)
}

// again returns what a caller gets that asks for the cached credential a second time.
func (p *patient) again(t *testing.T) (credential.Credential, error) {
	t.Helper()
	held, err := p.Credential(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p.Heal(t.Context(), held, credential.Asker{Ask: p.ask})
}

func (p *patient) expect(t *testing.T, mints, asked int64) {
	t.Helper()
	if p.mints.Load() != mints || p.asked.Load() != asked {
		t.Errorf("got %d mints and %d questions, want %d and %d", p.mints.Load(), p.asked.Load(), mints, asked)
	}
}

func always(v credential.Verdict) func(credential.Credential) credential.Verdict {
	return func(credential.Credential) credential.Verdict { return v }
}

func TestHealAsksSeldom(t *testing.T) {
	tests := map[string]struct {
		verdict credential.Verdict
		memory  time.Duration
	}{
		"accepts":    {credential.Accepts, 10 * time.Second},
		"no verdict": {credential.NoVerdict, 5 * time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPatient(always(test.verdict))
				for range 3 {
					if got, err := p.again(t); err != nil || got.Token.Reveal() != "token-1" {
						t.Errorf("got %v, %v; want the cached token", got.Token.Reveal(), err)
					}
				}
				p.expect(t, 1, 1)
				time.Sleep(test.memory - time.Nanosecond)
				p.again(t)
				p.expect(t, 1, 1)
				time.Sleep(time.Nanosecond)
				p.again(t)
				p.expect(t, 1, 2)
			})
		})
	}
}

// Where one route gets no verdict, another one may. A verdict counts for all.
func TestHealAsksByEachRoute(t *testing.T) {
	p := newPatient(always(credential.NoVerdict))
	held, err := p.Credential(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	heal := func(route string) {
		if _, err := p.Heal(t.Context(), held, credential.Asker{Route: route, Ask: p.ask}); err != nil {
			t.Error(err)
		}
	}
	heal("a")
	heal("a")
	p.expect(t, 1, 1)
	p.says = always(credential.Accepts)
	heal("b")
	heal("a")
	p.expect(t, 1, 2)
}

func TestHealReplacesOnce(t *testing.T) {
	p := newPatient(func(c credential.Credential) credential.Verdict {
		if c.Token.Reveal() == "token-1" {
			return credential.Refuses
		}
		return credential.Accepts
	})
	held, err := p.Credential(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if got, err := p.Heal(t.Context(), held, credential.Asker{Ask: p.ask}); err != nil || got.Token.Reveal() != "token-2" {
				t.Errorf("got %q, %v; want the new token", got.Token.Reveal(), err)
			}
		})
	}
	all.Wait()
	p.expect(t, 2, 1)
}

func TestHealStopsAtAClusterThatRefusesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		verdict := credential.Refuses
		p := newPatient(func(credential.Credential) credential.Verdict { return verdict })
		if _, err := p.again(t); err != nil {
			t.Errorf("got %v, want a new token", err)
		}
		for range 59 { // just under ten minutes
			if _, err := p.again(t); !errors.Is(err, credential.ErrRefusesAll) || credential.ClassOf(err) != credential.Refused {
				t.Errorf("got %v of the class %q, want ErrRefusesAll and %q", err, credential.ClassOf(err), credential.Refused)
			}
			time.Sleep(10 * time.Second)
		}
		p.expect(t, 2, 60)
		time.Sleep(10 * time.Second)
		if _, err := p.again(t); err != nil {
			t.Errorf("got %v after ten minutes, want a new token", err)
		}
		p.expect(t, 3, 61)

		verdict = credential.Accepts
		time.Sleep(10 * time.Second)
		p.again(t)
		verdict = credential.Refuses
		time.Sleep(10 * time.Second)
		if _, err := p.again(t); err != nil {
			t.Errorf("got %v after the cluster accepted one, want a new token", err)
		}
		p.expect(t, 4, 63)
	})
}

func TestHealWaitsTwoSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(nil)
		held, err := p.Credential(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		hangs := func(ctx context.Context, _ credential.Credential) credential.Verdict {
			<-ctx.Done()
			return credential.NoVerdict
		}
		start := time.Now()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if got, err := p.Heal(t.Context(), held, credential.Asker{Ask: hangs}); err != nil || got.Token.Reveal() != "token-1" {
					t.Errorf("got %q, %v; want the cached token", got.Token.Reveal(), err)
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("got the answers after %s, want 2s at most", took)
		}
	})
}

func TestHealFailsIfNothingReplacesTheCredential(t *testing.T) {
	p := newPatient(always(credential.Refuses))
	held, err := p.Credential(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := &credential.Error{Class: credential.Unreachable, Err: errors.New("no network")}
	p.Provider = credential.ProviderFunc(func(context.Context) (credential.Credential, error) {
		return credential.Credential{}, want
	})
	if _, err := p.Heal(t.Context(), held, credential.Asker{Ask: p.ask}); !errors.Is(err, want) || credential.ClassOf(err) != credential.Unreachable {
		t.Errorf("got %v, want %v", err, want)
	}
}

// replacing is a provider that returns the same credential until it is told that it won't do.
type replacing struct{ credential.Provider }

func (r replacing) Replace(context.Context, credential.Credential) (credential.Credential, error) {
	now := time.Now()
	return credential.Credential{
		Token: credential.NewSecret("replacement"), FetchedAt: now, ExpiresAt: now.Add(time.Hour),
	}, nil
}

func TestRenewAsksAReplacer(t *testing.T) {
	p := newPatient(nil)
	p.Provider = replacing{p.Provider}
	held, err := p.Credential(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Renew(t.Context(), held); err != nil || got.Token.Reveal() != "replacement" {
		t.Errorf("got %q, %v; want what Replace returns", got.Token.Reveal(), err)
	}
}
