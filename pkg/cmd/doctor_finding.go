package cmd

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// finding is one result of a check.
type finding struct {
	Check   string `json:"check"`
	Status  status `json:"status"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do
}

type status string

const (
	statusOK      status = "ok"
	statusWarning status = "warning"
	statusFailure status = "failure"
)

func ok(check, format string, args ...any) finding {
	return finding{Check: check, Status: statusOK, Message: oneLine(fmt.Sprintf(format, args...))}
}

func warning(check, hint, format string, args ...any) finding {
	message := oneLine(fmt.Sprintf(format, args...))
	return finding{Check: check, Status: statusWarning, Message: message, Hint: oneLine(hint)}
}

// failure returns an error as a finding. It doesn't show a network error if that may quote a proxy address that
// can't be shown.
func failure(check string, err error) finding {
	f := finding{Check: check, Status: statusFailure, Message: oneLine(err.Error())}
	if name := oddProxy(); name != "" && credential.ClassOf(err) == credential.Unreachable {
		f.Message = "no answer; the reason isn't shown, because it may contain " + name
	}
	f.Hint = oneLine(hintOf(err))
	return f
}

func failuref(check, hint, format string, args ...any) finding {
	f := warning(check, hint, format, args...)
	f.Status = statusFailure
	return f
}

// unhealthy is the error of a run that found a failure.
type unhealthy struct {
	verdict string
	printed bool // to standard output, at the end of the table
}

func (e *unhealthy) Error() string { return e.verdict }

// verdict sums up findings.
func verdict(findings []finding) (text string, failed bool) {
	counts := make(map[status]int)
	for _, f := range findings {
		counts[f.Status]++
	}
	var parts []string
	for _, kind := range []status{statusFailure, statusWarning} {
		if n := counts[kind]; n > 0 {
			parts = append(parts, counted(n, string(kind)))
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "everything is fine"), counts[statusFailure] > 0
}

// counted returns a number and a noun.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// writeFindings writes each finding on a line, and its hint, if any, on another. On a terminal, long lines are wrapped.
func (o *options) writeFindings(findings []finding) error {
	colored, columns := o.colored(), 0
	if o.Columns != nil {
		columns = o.Columns()
	}
	const message, hint = 25, 27 // where they begin
	var out strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&out, "%s %-14s %s\n", f.Status.shown(colored), f.Check, hung(f.Message, message, columns))
		if f.Hint != "" {
			fmt.Fprintf(&out, "%*s%s\n", hint, "→ ", hung(f.Hint, hint, columns))
		}
	}
	_, err := io.WriteString(o.Stdout, out.String())
	return err
}

// hung wraps a text that begins in some column of a terminal, and indents its further lines. It doesn't break what is
// in single quotes: people copy commands from there. It wraps nothing if there is too little room.
func hung(text string, indent, columns int) string {
	const least = 40
	if columns < indent+least {
		return text
	}
	var out strings.Builder
	column := indent
	for i, word := range unbroken(text) {
		width := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+width > columns:
			fmt.Fprintf(&out, "\n%*s", indent, "")
			column = indent
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		if column += width; column > columns { // the terminal continues a long word on its next line
			column %= columns
		}
	}
	return out.String()
}

// unbroken splits a text at its spaces, but for those in single quotes.
func unbroken(text string) []string {
	words := strings.Split(text, " ")
	ends := func(word string) bool { return strings.HasSuffix(strings.TrimRight(word, ",;:."), "'") }
	var joined []string
	for len(words) > 0 {
		n := 1
		if strings.HasPrefix(words[0], "'") {
			n += max(slices.IndexFunc(words, ends), 0)
		}
		joined = append(joined, strings.Join(words[:n], " "))
		words = words[n:]
	}
	return joined
}

// shown returns the status in a column's width.
func (s status) shown(colored bool) string {
	text := fmt.Sprintf("%-9s", string(s))
	if !colored {
		return text
	}
	color := map[status]string{statusOK: "32", statusWarning: "33", statusFailure: "31"}[s]
	return strings.Replace(text, string(s), "\x1b["+color+"m"+string(s)+"\x1b[0m", 1)
}

// colored reports whether standard output shows colors: a terminal, unless the user doesn't want any
// (https://no-color.org, https://bixense.com/clicolors). Windows' older consoles would print the escape sequences.
func (o *options) colored() bool {
	return o.StdoutIsTerminal != nil && o.StdoutIsTerminal() && o.Getenv("NO_COLOR") == "" &&
		o.Getenv("CLICOLOR") != "0" && !o.isDumb() && (runtime.GOOS != "windows" || o.Getenv("WT_SESSION") != "")
}
