package cmd

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A revocation outlives an interrupt for a while, but not the time limit.
func TestFinishing(t *testing.T) {
	tests := map[string]struct {
		limit, interrupt time.Duration // 0: none
		want             time.Duration
		cause            error
	}{
		"interrupted":                     {time.Minute, time.Second, time.Second + finishTime, context.Canceled},
		"interrupted, without a limit":    {0, time.Second, time.Second + finishTime, context.Canceled},
		"interrupted just before the end": {2 * time.Second, time.Second, 2 * time.Second, context.DeadlineExceeded},
		"out of time":                     {time.Second, 0, time.Second, context.DeadlineExceeded},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, interrupt := context.WithCancel(t.Context())
				defer interrupt()
				if test.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.limit)
					defer cancel()
				}
				if test.interrupt > 0 {
					time.AfterFunc(test.interrupt, interrupt)
				}
				start := time.Now()
				going, stop := finishing(ctx)
				defer stop()
				<-going.Done()
				if got := time.Since(start); got != test.want || !errors.Is(going.Err(), test.cause) {
					t.Errorf("it ended after %s with %v, want %s and %v", got, going.Err(), test.want, test.cause)
				}
			})
		})
	}
}
