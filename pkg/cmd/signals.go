package cmd

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
)

// Signals are caught only where something would be left undone: in a fetch, which may have minted, and in an
// edit of files. Elsewhere they end the process at once, as it is the system's default; and a cache hit is
// spared the cost.

// interruptible returns a context that, from when begin is called, SIGINT and SIGTERM end; a second one ends the
// process. end gives the signals back.
func interruptible(ctx context.Context) (_ context.Context, begin, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 1)
	begin = sync.OnceFunc(func() {
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		go func() {
			select {
			case <-signals:
				signal.Stop(signals)
				cancel()
			case <-ctx.Done():
			}
		}()
	})
	return ctx, begin, func() {
		signal.Stop(signals)
		cancel()
	}
}

// untilSignal returns a context that also ends with the first signal that would end the process at once
// otherwise; more of them are swallowed until stop is called. One that is ignored, as by nohup, stays so.
func untilSignal(ctx context.Context) (_ context.Context, stop func()) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT}
	signals = slices.DeleteFunc(signals, signal.Ignored)
	if len(signals) == 0 { // which would mean all there are
		return ctx, func() {}
	}
	return signal.NotifyContext(ctx, signals...)
}
