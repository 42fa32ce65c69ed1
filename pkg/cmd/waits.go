package cmd

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// waits says what a run waits for, to a person who watches it.
type waits struct {
	mu    sync.Mutex
	open  []*wait // the innermost is the last
	said  map[string]bool
	quiet bool // something else shows how far the run is
}

// wait is something that is waited for.
type wait struct {
	reason string
	timer  *time.Timer
}

// patience is how long a run may take without saying why.
const patience = time.Second

// waiting says on standard error what the run waits for, once, if that lasts longer than a second. The caller calls
// done when it has arrived. Only a person on a terminal is told: clients and logs get what they always did.
func (o *options) waiting(reason string) (done func()) {
	if o.waits == nil || !o.isWatched() {
		return func() {}
	}
	return o.waits.begin(o.Stderr, reason)
}

// isWatched reports whether a person watches standard error.
func (o *options) isWatched() bool {
	return !o.unattended && !o.byClient() && o.readsStderr()
}

func (w *waits) begin(out io.Writer, reason string) (done func()) {
	one := &wait{reason: reason}
	one.timer = time.AfterFunc(patience, func() { w.say(out, one) })
	w.mu.Lock()
	w.open = append(w.open, one)
	w.mu.Unlock()
	return func() { w.end(one) }
}

// say says what is waited for, unless that waits for something else itself.
func (w *waits) say(out io.Writer, one *wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.open) == 0 || w.open[len(w.open)-1] != one || w.quiet || w.said[one.reason] {
		return
	}
	if w.said == nil {
		w.said = make(map[string]bool)
	}
	w.said[one.reason] = true
	fmt.Fprintf(out, "waiting for %s\n", oneLine(one.reason))
}

// end ends a wait. What it was a part of gets its second again.
func (w *waits) end(one *wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one.timer.Stop()
	w.open = slices.DeleteFunc(w.open, func(other *wait) bool { return other == one })
	if last := len(w.open) - 1; last >= 0 {
		w.open[last].timer.Reset(patience)
	}
}

// silence keeps waits from being said, or ends that.
func (w *waits) silence(quiet bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quiet = quiet
}
