package cmd

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
)

// later is what is left to do after the answer is written, so that nobody waits for it.
type later struct {
	fetched    atomic.Bool                      // a credential was fetched and cached: prune
	mend       atomic.Pointer[accounts.Account] // doctl's configuration shows a session that has been refreshed
	held       atomic.Bool                      // hold was called
	refreshing sync.WaitGroup                   // refreshes of sessions, whose results would be lost
}

const (
	// afterwards bounds how long a run lasts after its answer. It takes less unless the disk hangs.
	afterwards = time.Second

	// refreshTime bounds how long a run waits for a refresh that it doesn't need any more. That is longer than a call
	// to an authorization server takes.
	refreshTime = 20 * time.Second
)

// do does what is left to do after a success.
func (l *later) do(o *options) {
	if !l.fetched.Load() && l.mend.Load() == nil {
		return
	}
	within(afterwards, func() {
		if account := l.mend.Load(); account != nil {
			ctx, cancel := context.WithTimeout(context.Background(), afterwards)
			defer cancel()
			account.Mend(ctx)
		}
		if l.fetched.Load() {
			cachedir.Open(o.cachePath(), credential.Secret{}).Prune()
			o.sources().Prune()
		}
	})
}

// wait waits for refreshes that go on although their time is up.
func (l *later) wait() {
	if l.held.Load() {
		within(refreshTime, l.refreshing.Wait)
	}
}

// within calls do and returns when that returns, but no later than after a while.
func within(limit time.Duration, do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(limit):
	}
}

// hold keeps the process from ending, and signals from ending it, until release is called: see
// [accounts.Sources.Hold]. A signal that arrives meanwhile is ignored, unless something else handles it.
func (l *later) hold() (release func()) {
	l.held.Store(true)
	l.refreshing.Add(1)
	signals := make(chan os.Signal, 1)
	if ending := endingSignals(); len(ending) > 0 { // to Notify, none means all
		signal.Notify(signals, ending...)
	}
	return func() {
		signal.Stop(signals)
		l.refreshing.Done()
	}
}
