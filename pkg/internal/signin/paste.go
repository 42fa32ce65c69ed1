package signin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

const (
	pastePrompt = "Or paste the address that the browser ends at:"

	// maxLine and maxLines bound what is read. Addresses with a code are far shorter, and people give up earlier.
	maxLine  = 16 << 10
	maxLines = 20
)

// line is a line that somebody pasted, or why no more are read.
type line struct {
	text string
	err  error
}

// linesOf returns the lines of r until ctx ends. It closes the channel when there are no more.
func linesOf(ctx context.Context, r io.Reader) <-chan line {
	lines := make(chan line)
	send := func(l line) bool {
		select {
		case lines <- l:
			return true
		case <-ctx.Done():
			return false
		}
	}
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(r)
		scanner.Buffer(nil, maxLine)
		for range maxLines {
			if !scanner.Scan() {
				if errors.Is(scanner.Err(), bufio.ErrTooLong) {
					send(line{err: errors.New("it is too long; now only the browser can complete the sign-in")})
				}
				return
			}
			if !send(line{text: scanner.Text()}) {
				return
			}
		}
		send(line{err: errors.New("it is one line too many; now only the browser can complete the sign-in")})
	}()
	return lines
}

// parsePasted returns the answer in a pasted line: an address or only its query, with spaces or quotes around it.
func (r Request) parsePasted(l line) (answer, error) {
	if l.err != nil {
		return answer{}, l.err
	}
	text := strings.Trim(l.text, " \t\r\"'<>`")
	if text == "" {
		return answer{}, errors.New("it is empty")
	}
	// A query may contain question marks, too, but none before its first parameter.
	if before, after, found := strings.Cut(text, "?"); found && !strings.Contains(before, "=") {
		text = after
	}
	text, _, _ = strings.Cut(text, "#")
	return r.parse(text)
}
