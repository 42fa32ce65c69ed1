package cmd

import (
	"context"
	"os"
	"time"

	"github.com/doks-auth/doks-auth/pkg/internal/picker"
)

// Terminal returns a function for Env.OpenTerminal.
func Terminal(in, out *os.File) func() (*picker.Terminal, error) {
	return func() (*picker.Terminal, error) { return picker.Open(in, out) }
}

// canAsk reports whether there is a person to ask, on a terminal that can redraw a list.
func (o *options) canAsk() bool {
	return o.OpenTerminal != nil && o.StdinIsTerminal != nil && o.StdinIsTerminal() && o.isWatched() && !o.isDumb()
}

// isDumb reports whether the terminal knows no escape sequences.
func (o *options) isDumb() bool { return o.Getenv("TERM") == "dumb" }

// pause waits for a while, or until ctx ends.
func (o *options) pause(ctx context.Context, d time.Duration) {
	if o.Pause != nil {
		o.Pause(ctx, d)
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
