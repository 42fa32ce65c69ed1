// Command report reads what go test -json prints, shows failures, and ends with a list of the packages: how many tests
// passed, which were skipped and why, and which failed. It fails if one did or there were none.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

func main() {
	ok, err := report(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

// slow is how many seconds a test may take without being listed.
const slow = 20

// event is a line of go test -json; see go doc test2json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// test is what happened to a test, or to a package if it has no name.
type test struct {
	pkg, name, action string
	elapsed           float64
	output            strings.Builder
}

// logged returns what a test logged.
func (t *test) logged() (lines []string) {
	for _, match := range logLine.FindAllStringSubmatch(t.output.String(), -1) {
		lines = append(lines, match[1])
	}
	return lines
}

var (
	logLine  = regexp.MustCompile(`(?m)^ +\w+_test\.go:\d+: (.*)$`)
	skipLine = regexp.MustCompile(`(?m)^ +> .*\bskip '?(.*?)'?$`) // of a script
)

// reason returns why a test was skipped.
func (t *test) reason() string {
	if lines := t.logged(); len(lines) > 0 {
		return lines[len(lines)-1]
	}
	if matches := skipLine.FindAllStringSubmatch(t.output.String(), -1); len(matches) > 0 {
		return matches[len(matches)-1][1] // those before it had a condition that isn't met
	}
	return "no reason given"
}

// addSkipped adds a line about a skipped test. Subtests that follow each other and have one reason share a line.
func addSkipped(notes []string, t *test) []string {
	name, _, isSub := strings.Cut(t.name, "/")
	if !isSub || name == "TestScripts" {
		return append(notes, "skipped "+t.name+": "+t.reason())
	}
	line := "skipped subtests of " + name + ": " + t.reason()
	if len(notes) > 0 && notes[len(notes)-1] == line {
		return notes
	}
	return append(notes, line)
}

func report(in io.Reader, out io.Writer) (ok bool, err error) {
	tests := make(map[string]*test)
	var order, packages []*test
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(out, lines.Text())
			continue
		}
		if strings.HasPrefix(e.Action, "build-") {
			fmt.Fprint(out, e.Output)
			continue
		}
		key := e.Package + " " + e.Test
		t := tests[key]
		if t == nil {
			t = &test{pkg: e.Package, name: e.Test}
			tests[key] = t
			order = append(order, t)
		}
		switch e.Action {
		case "output":
			t.output.WriteString(e.Output)
		case "pass", "fail", "skip":
			t.action, t.elapsed = e.Action, e.Elapsed
			if t.name == "" {
				for _, running := range order { // a panic's dump is what the last of them printed
					if running.pkg == t.pkg && running.action == "" {
						running.action = "fail"
						fmt.Fprint(out, running.output.String())
					}
				}
				packages = append(packages, t)
				fmt.Fprintf(out, "%-5s %7.1fs %s\n", t.action, t.elapsed, t.pkg)
			}
			if t.action == "fail" {
				fmt.Fprint(out, t.output.String())
			}
		}
	}
	if err := lines.Err(); err != nil {
		return false, err
	}

	ok = true
	total := make(map[string]int)
	fmt.Fprintln(out)
	for _, p := range packages {
		count := make(map[string]int)
		var notes []string
		for _, t := range order {
			if t.pkg != p.pkg || t.name == "" {
				continue
			}
			count[t.action]++
			if t.elapsed >= slow && !strings.Contains(t.name, "/") {
				notes = append(notes, fmt.Sprintf("%s took %.0f s", t.name, t.elapsed))
			}
			total[t.action]++
			switch t.action {
			case "pass":
				for _, line := range t.logged() {
					notes = append(notes, t.name+": "+line)
				}
			case "skip":
				notes = addSkipped(notes, t)
			case "fail":
				notes = append(notes, "FAILED "+t.name)
			}
		}
		ok = ok && p.action != "fail"
		fmt.Fprintf(out, "%s: %d passed, %d failed, %d skipped\n", p.pkg, count["pass"], count["fail"], count["skip"])
		for _, note := range notes {
			fmt.Fprintln(out, "\t"+note)
		}
	}
	fmt.Fprintf(out, "\n%d passed, %d failed, %d skipped\n", total["pass"], total["fail"], total["skip"])
	return ok && total["pass"] > 0, nil
}
