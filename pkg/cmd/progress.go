package cmd

import (
	"fmt"
	"io"
	"strings"
	"sync"
)

// progress shows how many clusters of several are done, in one line that is rewritten. It shows nothing where nobody
// watches.
type progress struct {
	out   io.Writer // nil: nobody watches
	total int
	waits *waits // are silent while the line is shown
	most  int    // columns

	mu    sync.Mutex
	done  int
	note  string
	width int // of what is on the screen
}

// newProgress begins to show the progress of so many clusters. With -v the log shows it.
func (o *options) newProgress(total int) *progress {
	p := &progress{total: total, waits: o.waits, most: tableWidth - 2}
	if o.Columns != nil && o.Columns() >= 20 {
		p.most = min(p.most, o.Columns()-2) // else it would wrap
	}
	if !o.isWatched() || o.verbose || o.waits == nil {
		return p
	}
	p.out = o.Stderr
	p.draw()
	return p
}

// step counts one more cluster as done.
func (p *progress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	p.draw()
}

// say shows a note in the line, until another replaces it, and reports whether somebody watches.
func (p *progress) say(note string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note = note
	p.draw()
	return p.out != nil
}

// draw rewrites the line. It uses no escape sequences, which not every console knows.
func (p *progress) draw() {
	if p.out == nil {
		return
	}
	var parts []string
	if p.total > 1 {
		parts = append(parts, fmt.Sprintf("fetched %d/%d", p.done, p.total))
	}
	if p.note != "" {
		parts = append(parts, p.note)
	}
	p.waits.silence(len(parts) > 0)
	line := oneLine(strings.Join(parts, "; "))
	if runes := []rune(line); len(runes) > p.most {
		line = string(runes[:p.most-3]) + "..."
	}
	switch {
	case line != "":
		fmt.Fprintf(p.out, "\r%-*s", p.width, line)
	case p.width > 0:
		fmt.Fprintf(p.out, "\r%*s\r", p.width, "")
	}
	p.width = len([]rune(line))
}

// clear removes the line from the screen.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total, p.note = 0, ""
	p.draw()
	p.out = nil
}
