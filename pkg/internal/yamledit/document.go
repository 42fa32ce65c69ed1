// Package yamledit changes the value of a YAML mapping and keeps all other bytes of its text: comments, order,
// quotes, line breaks.
//
// What is added can be removed without a trace: see was.go.
//
// Parse a text, change its plain value, and Apply returns a text with the new value. It compares the two values and
// replaces the parts of the text that differ. It parses the result, which must have the new value: YAML that is odder
// than this package expects is ErrTooOdd, never a wrong text.
//
// Not guaranteed: that every text can be edited, or that what is written looks like its surroundings.
package yamledit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// ErrTooOdd reports an edit that could change more of the text than was asked for.
var ErrTooOdd = errors.New(
	"its YAML has a form that can't be edited safely here: an anchor, an alias or the like is in the way")

// Document is a text that has been parsed.
type Document struct {
	text  []byte
	empty string     // what completes a text without a value
	root  *yaml.Node // the mapping at the top
	lines []int      // where each line starts
}

// Parse reads a text that is one YAML document, a mapping. A text without any value, or with null or {}, is completed
// by empty, which must be one. A text that is nil is missing: nothing is to be restored when its last addition goes.
// Errors name the line and never quote a value, which may be secret.
func Parse(text []byte, empty string) (*Document, error) {
	if err := check(text); err != nil {
		return nil, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var node yaml.Node
	err := decoder.Decode(&node)
	if errors.Is(err, io.EOF) || err == nil && isNull(node.Content[0]) && node.Content[0].Value == "" {
		return complete(text, noneAbove, empty)
	}
	if err != nil {
		return nil, Describe(err)
	}
	if text, ok := comment(text, node.Content[0]); ok && empty != "" {
		return complete(text, commentAbove, empty)
	}
	d := &Document{text: text, empty: empty, root: node.Content[0], lines: lineStarts(text)}
	if d.root.Kind != yaml.MappingNode {
		return nil, errors.New("line 1: it is not a mapping")
	}
	if err := d.Decode(new(map[string]any)); err != nil {
		return nil, err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, ErrSeveral
	}
	return d, nil
}

// ErrSeveral means that a text has more than one YAML document.
var ErrSeveral = errors.New("it has more than one YAML document")

// MaxValues bounds how many values a text may hold, at some 300 bytes of memory each.
const MaxValues = 2 << 20

// check reports a text that isn't to be parsed.
func check(text []byte) error {
	values := 0 // at most twice as many as separators
	for _, separator := range []string{"\n", ",", "- ", "? "} {
		values += bytes.Count(text, []byte(separator))
	}
	if values > MaxValues {
		return errors.New("it has too many values")
	}
	if !utf8.Valid(text) {
		return errors.New("it is not UTF-8 text")
	}
	// YAML 1.1 breaks lines at these as well, which nobody means.
	if at := regexp.MustCompile("\r[^\n]|\r$|[\u0085\u2028\u2029]").FindIndex(text); at != nil {
		line := bytes.Count(text[:at[0]], []byte("\n")) + 1
		return fmt.Errorf("line %d: it has a line break other than a line feed", line)
	}
	return nil
}

func lineStarts(text []byte) []int {
	lines := []int{0}
	if bytes.HasPrefix(text, []byte("\uFEFF")) {
		lines[0] = len("\uFEFF") // the library doesn't count it
	}
	for i, b := range text {
		if b == '\n' {
			lines = append(lines, i+1)
		}
	}
	return lines
}

// DuplicateKeyError reports a mapping that has a key twice.
type DuplicateKeyError struct{ Reason string }

func (e *DuplicateKeyError) Error() string { return e.Reason }

// Value returns the text's value, which is the caller's to change. Mappings are of type map[string]any where
// all keys are strings, and lists of type []any.
func (d *Document) Value() map[string]any {
	var value map[string]any
	d.root.Decode(&value) // Parse saw that it can be decoded
	return value
}

// Decode stores the text's value in what into points to, as the YAML library does. Errors are as Parse's.
func (d *Document) Decode(into any) error {
	if err := d.root.Decode(into); err != nil {
		return Describe(err)
	}
	return nil
}

// Says reports whether the text has that value. At the top, a missing key, null, an empty list and an empty text are
// the same.
func (d *Document) Says(value map[string]any) bool { return says(d.Value(), value) }

// Describe returns an error of the YAML library without what it quotes of the text, but for names of keys.
func Describe(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if list, ok := errors.AsType[*yaml.TypeError](err); ok && len(list.Errors) > 0 {
		text = list.Errors[0]
	}
	text = regexp.MustCompile(`cannot unmarshal (\S+)(?s:.*)`).ReplaceAllString(text, "unexpected type $1")
	isTwice := regexp.MustCompile(`mapping key .* already defined at line \d+$`).MatchString(text)
	key := regexp.MustCompile(`^"[A-Za-z][A-Za-z-]{0,40}"$|^'.?'$`)
	quoted := regexp.MustCompile(`(?s)"(\\.|[^"\\])*"|'[^']*'|` + "`[^`]*`")
	text = quoted.ReplaceAllStringFunc(text, func(quoted string) string {
		if key.MatchString(quoted) {
			return quoted
		}
		return "(not shown)"
	})
	if isTwice {
		return &DuplicateKeyError{text}
	}
	return errors.New(text)
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
