//go:build unix

// Not for Windows: it parses a file of Linux.

package cmd

import "testing"

func TestParseStat(t *testing.T) {
	const rest = " S 41 42 43 0 -1 4194560 129 0 0 0 0 0 0 0 20 0 1 0 7741 2711552 238"
	tests := map[string]struct {
		text            string
		parent, session int
		started         string
		ok              bool
	}{
		"shell":    {"42 (sh)" + rest, 41, 43, "7741", true},
		"odd name": {"42 (a) b (c)" + rest, 41, 43, "7741", true},
		"cut off":  {"42 (sh) S 41 42", 0, 0, "", false},
		"empty":    {"", 0, 0, "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			parent, session, started, ok := parseStat(test.text)
			if parent != test.parent || session != test.session || started != test.started || ok != test.ok {
				t.Errorf("got %d, %d, %q, %t; want %d, %d, %q, %t", parent, session, started, ok,
					test.parent, test.session, test.started, test.ok)
			}
		})
	}
}
