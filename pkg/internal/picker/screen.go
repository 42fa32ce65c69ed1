package picker

import (
	"fmt"
	"io"
	"strings"
)

// screen is the part of a terminal's screen that the list is on.
type screen struct {
	out  io.Writer
	rows int // drawn, with the cursor in the last one
}

// draw replaces what was drawn before.
func (s *screen) draw(lines []string) {
	io.WriteString(s.out, s.erasure()+strings.Join(lines, "\r\n"))
	s.rows = len(lines)
}

// clear removes what was drawn.
func (s *screen) clear() {
	io.WriteString(s.out, s.erasure())
	s.rows = 0
}

// erasure returns what moves the cursor to where drawing began, and erases from there on (ECMA-48, CUU and ED).
func (s *screen) erasure() string {
	if s.rows > 1 {
		return fmt.Sprintf("\x1b[%dA\r\x1b[J", s.rows-1)
	}
	return "\r\x1b[J"
}
