package cmd

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
)

// Signals are caught only where ending at once would leave something undone: in a fetch, which may have minted a
// token, and in an edit of files. Elsewhere they end the process at once, which is the default and saves a cache
// hit the cost of a handler.

// interruptible returns a context that ends on SIGINT or SIGTERM after begin was called. A second signal ends the
// process. end stops catching signals.
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

// untilSignal returns a context that also ends on the first signal that would otherwise end the process. Further
// signals have no effect until stop is called. Ignored signals stay ignored, as under nohup.
func untilSignal(ctx context.Context) (_ context.Context, stop func()) {
	signals := endingSignals()
	if len(signals) == 0 { // to NotifyContext, none means all
		return ctx, func() {}
	}
	return signal.NotifyContext(ctx, signals...)
}

// endingSignals returns the signals that would end the process and can be caught.
func endingSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGABRT}
	return slices.DeleteFunc(signals, signal.Ignored)
}
