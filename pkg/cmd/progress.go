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
	end   func() // ends the silence of waits

	mu    sync.Mutex
	done  int
	note  string
	width int // of what is on the screen
}

// newProgress begins to show the progress of so many clusters. With -v the log shows it.
func (o *options) newProgress(total int) *progress {
	p := &progress{total: total, end: func() {}}
	if !o.isWatched() || o.verbose || o.waits == nil {
		return p
	}
	p.out = o.Stderr
	if total > 1 {
		p.end = o.waits.silence()
		p.draw()
	}
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
	const most = 78 // on a line of 80, without wrapping
	line := oneLine(strings.Join(parts, "; "))
	if runes := []rune(line); len(runes) > most {
		line = string(runes[:most-3]) + "..."
	}
	fmt.Fprintf(p.out, "\r%-*s", p.width, line)
	p.width = len([]rune(line))
}

// clear removes the line from the screen.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end()
	if p.out != nil && p.width > 0 {
		fmt.Fprintf(p.out, "\r%*s\r", p.width, "")
	}
	p.out, p.width = nil, 0
}
