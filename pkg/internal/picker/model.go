package picker

import (
	"fmt"
	"slices"
	"strings"
)

// model is the state of a choice.
type model struct {
	List

	filter string
	shown  []int // the items that match the filter
	cursor int   // an index of shown
	top    int   // the first of shown that is on the screen
	rows   int   // how many are
	chosen map[int]bool
}

func newModel(list List) *model {
	m := &model{List: list, chosen: make(map[int]bool)}
	m.setFilter("")
	return m
}

// outcome is what follows from a key.
type outcome int

const (
	undecided outcome = iota
	accepted
	canceled
)

func (m *model) press(k key) outcome {
	switch k {
	case keyCancel:
		return canceled
	case keyEscape:
		if m.filter == "" {
			return canceled
		}
		m.setFilter("")
	case keyEnter:
		if len(m.result()) > 0 {
			return accepted
		}
	case keyUp, keyDown, keyPageUp, keyPageDown, keyHome, keyEnd:
		m.move(k)
	case keyBackspace:
		m.setFilter(m.filter[:max(len(m.filter)-1, 0)])
	case keyClear:
		m.setFilter("")
	case keyAll:
		m.toggle(m.shown...)
	case ' ', keyTab:
		if len(m.shown) > 0 {
			m.toggle(m.shown[m.cursor])
			m.move(keyDown)
		}
	case keyNone:
	default:
		m.setFilter(m.filter + string(k))
	}
	return undecided
}

func (m *model) move(k key) {
	page := max(m.rows-1, 1)
	by := map[key]int{
		keyUp: -1, keyDown: 1, keyPageUp: -page, keyPageDown: page, keyHome: -len(m.Items), keyEnd: len(m.Items),
	}
	m.cursor = max(min(m.cursor+by[k], len(m.shown)-1), 0)
}

// toggle selects items, or deselects them if all are selected.
func (m *model) toggle(items ...int) {
	all := !slices.ContainsFunc(items, func(i int) bool { return !m.chosen[i] })
	for _, i := range items {
		m.chosen[i] = !all
	}
}

func (m *model) setFilter(filter string) {
	m.filter, m.shown, m.cursor = filter, nil, 0
	for i, item := range m.Items {
		if strings.Contains(strings.ToLower(item), strings.ToLower(filter)) {
			m.shown = append(m.shown, i)
		}
	}
}

// result returns the selected items or, if none is, the one under the cursor.
func (m *model) result() []int {
	var chosen []int
	for i := range m.Items {
		if m.chosen[i] {
			chosen = append(chosen, i)
		}
	}
	if chosen == nil && len(m.shown) > 0 {
		chosen = []int{m.shown[m.cursor]}
	}
	return chosen
}

const help = "space selects, ctrl-a all, enter accepts, esc cancels"

// lines returns the lines to show on a screen of that size. None is longer than the screen is wide.
func (m *model) lines(width, height int) []string {
	lines := []string{m.Title, "filter: " + m.filter + "_"}
	if m.Header != "" {
		lines = append(lines, "      "+m.Header)
	}
	m.rows = max(min(len(m.Items), height-len(lines)-2), 1) // the last line has the help, and the shell's prompt one
	m.top = max(min(m.top, m.cursor), m.cursor-m.rows+1)
	m.top = max(min(m.top, len(m.shown)-m.rows), 0)
	for at := m.top; at < min(m.top+m.rows, len(m.shown)); at++ {
		cursor, box := "  ", "[ ] "
		if at == m.cursor {
			cursor = "> "
		}
		if m.chosen[m.shown[at]] {
			box = "[x] "
		}
		lines = append(lines, cursor+box+m.Items[m.shown[at]])
	}
	lines = append(lines, m.summary())
	for i, line := range lines {
		lines[i] = fit(line, width)
	}
	return lines
}

// summary returns the last line: what is on the screen, and what the keys do.
func (m *model) summary() string {
	selected := 0
	for _, chosen := range m.chosen {
		if chosen {
			selected++
		}
	}
	text := "none matches"
	if len(m.shown) > 0 {
		text = fmt.Sprintf("%d-%d of %d", m.top+1, min(m.top+m.rows, len(m.shown)), len(m.shown))
	}
	if selected > 0 {
		text += fmt.Sprintf(", %d selected", selected)
	}
	return text + "; " + help
}

// fit cuts a line to a width. What isn't printable ASCII becomes a question mark: its width is unknown.
func fit(line string, width int) string {
	var out strings.Builder
	for _, r := range line {
		if out.Len() >= width-1 { // some terminals wrap after the last column
			break
		}
		if r < ' ' || r > '~' {
			r = '?'
		}
		out.WriteRune(r)
	}
	return strings.TrimRight(out.String(), " ")
}
