// Package picker lets people choose from a list on a terminal: they type to filter it, and select one or several lines.
package picker

import (
	"context"
	"errors"
	"io"
)

// Terminal is a terminal in raw mode: it passes each key on at once and shows none of them.
type Terminal struct {
	In      io.Reader
	Out     io.Writer
	Size    func() (width, height int)
	Restore func() // leaves raw mode
}

// ErrCanceled means that nothing was chosen: Esc, Ctrl-C or Ctrl-D was pressed, or the input ended.
var ErrCanceled = errors.New("nothing was chosen")

// List is what can be chosen from.
type List struct {
	Title  string
	Header string   // the headings of the columns; "" for none
	Items  []string // one line each
}

// Choose shows the list until the user has chosen, and returns the indexes of the chosen items in ascending order, at
// least one. It leaves nothing of the list on the screen, and restores the terminal, also if ctx ends first.
func Choose(ctx context.Context, t *Terminal, list List) ([]int, error) {
	defer t.Restore()
	m := newModel(list)
	s := &screen{out: t.Out}
	defer s.clear()
	keys := make(chan []key)
	ended := make(chan struct{})
	defer close(ended)
	go readKeys(t.In, keys, ended)
	for {
		width, height := t.Size()
		s.draw(m.lines(width, height))
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case pressed, ok := <-keys:
			if !ok {
				return nil, ErrCanceled
			}
			for _, k := range pressed {
				switch m.press(k) {
				case canceled:
					return nil, ErrCanceled
				case accepted:
					return m.result(), nil
				}
			}
		}
	}
}

// readKeys sends the keys that are pressed until the input or the choice ends. A read can't be interrupted, so it may
// outlive the choice.
func readKeys(in io.Reader, keys chan<- []key, ended <-chan struct{}) {
	defer close(keys)
	buffer := make([]byte, 256)
	var rest []byte
	for {
		n, err := in.Read(buffer)
		var pressed []key
		pressed, rest = parseKeys(append(rest, buffer[:n]...))
		select {
		case keys <- pressed:
		case <-ended:
			return
		}
		if err != nil {
			return
		}
	}
}
