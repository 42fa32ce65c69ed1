package picker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func forty() List {
	list := List{Title: "Which?", Header: "NAME"}
	for i := range 40 {
		list.Items = append(list.Items, fmt.Sprintf("cluster-%d", i))
	}
	return list
}

// choose presses keys, each group of which arrives in one read.
func choose(t *testing.T, list List, groups ...string) (chosen []int, screen string, restored bool, err error) {
	t.Helper()
	in, keys := io.Pipe()
	go func() {
		for _, group := range groups {
			io.WriteString(keys, group)
		}
		keys.Close()
	}()
	var out bytes.Buffer
	chosen, err = Choose(t.Context(), &Terminal{
		In: in, Out: &out,
		Size:    func() (int, int) { return 80, 24 },
		Restore: func() { restored = true },
	}, list)
	return chosen, out.String(), restored, err
}

func TestChoose(t *testing.T) {
	const up, down, pageDown, end, esc = "\x1b[A", "\x1bOB", "\x1b[6~", "\x1b[F", "\x1b"
	tests := map[string]struct {
		groups []string
		want   []int // nil: canceled
	}{
		"enter":                  {[]string{"\r"}, []int{0}},
		"arrows":                 {[]string{down + down + down + up + "\r"}, []int{2}},
		"several":                {[]string{" " + down + " \r"}, []int{0, 2}},
		"selected and not":       {[]string{" " + up + " " + up + down + "\r"}, []int{1}},
		"filter":                 {[]string{"CLUSTER-3", "9\r"}, []int{39}},
		"filter and selection":   {[]string{"-12", " ", "\x7f\x7f\x7f", "-7 \r"}, []int{7, 12}},
		"all that match":         {[]string{"r-3", "\x01", "\r"}, []int{3, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39}},
		"all and none":           {[]string{"\x01\x01" + down + "\r"}, []int{1}},
		"no match":               {[]string{"nothing", "\r", "\x15", "\r"}, []int{0}},
		"end":                    {[]string{end + "\r"}, []int{39}},
		"pages":                  {[]string{pageDown + pageDown + pageDown + "\r"}, []int{39}},
		"a split sequence":       {[]string{"\x1b[", "B\r"}, []int{1}},
		"unknown sequences":      {[]string{"\x1b[200~\x1bx\x1b[1;5C\x00\x80\r"}, []int{0}},
		"escape":                 {[]string{esc}, nil},
		"escape clears a filter": {[]string{"-5", esc, "\r"}, []int{0}},
		"Ctrl-C":                 {[]string{"-5\x03\r"}, nil},
		"the input's end":        {nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, screen, restored, err := choose(t, forty(), test.groups...)
			if !slices.Equal(got, test.want) || errors.Is(err, ErrCanceled) != (test.want == nil) || !restored {
				t.Errorf("got %v, %v, restored: %v; want %v and a restored terminal", got, err, restored, test.want)
			}
			if !strings.HasSuffix(screen, "A\r\x1b[J") {
				t.Errorf("got %q at the end; want the list erased", screen[max(len(screen)-20, 0):])
			}
		})
	}
}

// A choice that is interrupted restores the terminal, though its input never ends.
func TestChooseIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in, _ := io.Pipe()
	restored := false
	got, err := Choose(ctx, &Terminal{
		In: in, Out: io.Discard,
		Size:    func() (int, int) { return 80, 24 },
		Restore: func() { restored = true },
	}, forty())
	if got != nil || !errors.Is(err, context.Canceled) || !restored {
		t.Errorf("got %v, %v, restored: %v; want a canceled choice and a restored terminal", got, err, restored)
	}
}

// What is shown fits the screen, and nothing in it can control the terminal.
func TestLinesFit(t *testing.T) {
	list := forty()
	list.Items[3] = "esc\x1b[2J\u202e" + strings.Repeat("long ", 40)
	for _, size := range [][2]int{{80, 24}, {20, 5}, {1, 1}, {200, 60}} {
		m := newModel(list)
		for range 45 {
			lines := m.lines(size[0], size[1])
			if len(lines) > max(size[1]-1, 5) {
				t.Errorf("%v: got %d lines; want them to fit", size, len(lines))
			}
			cursor := false
			for _, line := range lines {
				cursor = cursor || strings.HasPrefix(line, ">") || size[0] == 1
				isOdd := func(r rune) bool { return r < ' ' || r > '~' }
				if len(line) >= size[0] && line != "" || strings.ContainsFunc(line, isOdd) {
					t.Errorf("%v: got the line %q; want plain text that fits", size, line)
				}
			}
			if !cursor {
				t.Errorf("%v: got %q; want the cursor on the screen", size, lines)
			}
			m.press(keyDown)
		}
	}
}
