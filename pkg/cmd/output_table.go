package cmd

import (
	"cmp"
	"io"
	"strings"
	"unicode/utf8"
)

// table is a table with a header. Unless it is printed as wide, it is made to fit the terminal, or tableWidth without
// one, by shortening the cells of some columns.
type table struct {
	header   []string
	rows     [][]string
	shortens []int       // the columns whose cells may be shortened, in this order
	least    map[int]int // the widths that are left to columns; else shortest
}

const (
	tableWidth = 80
	columnGap  = 3
	shortest   = 8
)

// currentMark follows the name of the current one in a list.
const currentMark = " *"

// write writes a table as the options of the output say.
func (o *output) write(w io.Writer, t table) {
	rows := t.rows
	if !o.noHeaders {
		rows = append([][]string{t.header}, rows...)
	}
	for _, cells := range rows {
		for i := range cells {
			cells[i] = oneLine(cells[i])
		}
	}
	if o.format != formatWide {
		t.shorten(rows, o.width())
	}
	for _, cells := range rows {
		row(w, cells...)
	}
}

// width returns how many columns a table may have.
func (o *output) width() int {
	if o.columns != nil {
		return cmp.Or(max(o.columns(), 0), tableWidth)
	}
	return tableWidth
}

// shorten shortens cells until the rows fit, or nothing is left to shorten.
func (t table) shorten(rows [][]string, width int) {
	widths := make(map[int]int)
	over := -width - columnGap
	for _, cells := range rows {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, w := range widths {
		over += w + columnGap
	}
	for _, i := range t.shortens {
		least := cmp.Or(t.least[i], shortest)
		if over <= 0 || widths[i] <= least {
			continue
		}
		left := max(widths[i]-over, least)
		over -= widths[i] - left
		for _, cells := range rows {
			cells[i] = shortened(cells[i], left)
		}
	}
}

// shortened returns a cell with an ellipsis in its middle, because names often differ only at their ends. It keeps the
// mark of the current one.
func shortened(cell string, width int) string {
	if utf8.RuneCountInString(cell) <= width {
		return cell
	}
	text, isCurrent := strings.CutSuffix(cell, currentMark)
	mark := ""
	if isCurrent {
		mark = currentMark
	}
	runes, left := []rune(text), width-len(mark)-1
	end := left / 2
	return string(runes[:left-end]) + "…" + string(runes[len(runes)-end:]) + mark
}
