package kubeconfig

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// document is the text of a kubeconfig file, which is edited by replacing parts of it: all else
// stays byte for byte. The YAML library tells where things stand.
//
// The same edits are made to the text's meaning. When they are applied, the new text must have the
// new meaning, or there is no new text: where YAML is odder than what is foreseen here (an anchor in
// what is replaced, say), a file is left alone rather than bent.
type document struct {
	text    []byte
	root    *yaml.Node // the mapping at the top
	lines   []int      // where each line starts
	meaning map[string]any
	splices []splice
	err     error // of the first edit that can't be made
}

// splice is a replacement of text[start:end].
type splice struct {
	start, end int
	text       string
	depth      int // of what is put in: where several things are put in one place, the deepest is first
}

// emptyDocument is how kubectl writes a kubeconfig that holds nothing.
const emptyDocument = `apiVersion: v1
clusters: null
contexts: null
current-context: ""
kind: Config
preferences: {}
users: null
`

// errTooOdd is the error of an edit that can't be made without a risk for the rest.
var errTooOdd = errors.New("its YAML has a form that can't be edited safely here: an anchor, an alias or the like is in the way")

// parse reads a document. Errors tell the line, and nothing of what stands there: that may be secret.
func parse(text []byte) (*document, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not UTF-8 text")
	}
	// YAML 1.1 breaks lines at these as well, which nobody means.
	if at := regexp.MustCompile("\r[^\n]|\r$|[\u0085\u2028\u2029]").FindIndex(text); at != nil {
		return nil, fmt.Errorf("line %d: it holds a line break of another kind than a line feed", bytes.Count(text[:at[0]], []byte("\n"))+1)
	}
	if string(bytes.TrimSpace(text)) == "{}" {
		text = nil
	}
	if countNodes(text) > maxNodes {
		return nil, errors.New("it holds too many values for a kubeconfig")
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var node yaml.Node
	err := decoder.Decode(&node)
	if errors.Is(err, io.EOF) || err == nil && isNull(node.Content[0]) && node.Content[0].Value == "" {
		if bytes.HasSuffix(text, []byte(emptyDocument)) { // it was put behind already, and isn't the first
			return nil, errors.New("it holds more than one YAML document")
		}
		if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
			text = append(text[:len(text):len(text)], '\n')
		}
		return parse(append(text[:len(text):len(text)], emptyDocument...))
	}
	if err != nil {
		return nil, describe(err)
	}
	d := &document{text: text, root: node.Content[0], lines: []int{0}}
	if bytes.HasPrefix(text, []byte("\uFEFF")) {
		d.lines[0] = len("\uFEFF") // the library doesn't count it
	}
	for i, b := range text {
		if b == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	if d.root.Kind != yaml.MappingNode {
		return nil, errors.New("line 1: it is not a mapping, as a kubeconfig is")
	}
	if err := d.root.Decode(&d.meaning); err != nil {
		return nil, describe(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one YAML document")
	}
	return d, nil
}

// maxNodes bounds what is held in memory, some 300 bytes a value: a file of maxFile with nothing but
// commas in it would take gigabytes.
const maxNodes = 2 << 20

// countNodes counts what separates values, of which there are no more than twice as many.
func countNodes(text []byte) int {
	n := 0
	for _, separator := range []string{"\n", ",", "- ", "? "} {
		n += bytes.Count(text, []byte(separator))
	}
	return n
}

// describe returns the library's error without what it quotes of the file, but for the names of keys.
func describe(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if list, ok := errors.AsType[*yaml.TypeError](err); ok && len(list.Errors) > 0 {
		text = list.Errors[0]
	}
	text = regexp.MustCompile(`cannot unmarshal (\S+)(?s:.*)`).ReplaceAllString(text, "a value of another type ($1) than a kubeconfig has there")
	key := regexp.MustCompile(`^"[A-Za-z][A-Za-z-]{0,40}"$|^'.?'$`)
	return errors.New(regexp.MustCompile(`(?s)"(\\.|[^"\\])*"|'[^']*'|`+"`[^`]*`").ReplaceAllStringFunc(text, func(quoted string) string {
		if key.MatchString(quoted) {
			return quoted
		}
		return "(not shown)"
	}))
}

// apply returns the text with all edits made, with line breaks as it has them.
func (d *document) apply() ([]byte, error) {
	if d.err != nil {
		return nil, d.err
	}
	slices.SortStableFunc(d.splices, func(a, b splice) int { return cmp.Or(a.start-b.start, b.depth-a.depth) })
	newline := "\n"
	if bytes.Contains(d.text, []byte("\r\n")) {
		newline = "\r\n"
	}
	var out []byte
	at := 0
	for _, s := range d.splices {
		if s.start < at || s.end < s.start {
			return nil, errTooOdd
		}
		out = append(append(out, d.text[at:s.start]...), strings.ReplaceAll(s.text, "\n", newline)...)
		at = s.end
	}
	out = append(out, d.text[at:]...)
	after, err := parse(out)
	if err != nil || !reflect.DeepEqual(after.meaning, d.meaning) {
		return nil, errTooOdd
	}
	return out, nil
}

// insert puts something of that depth into the text.
func (d *document) insert(at, depth int, text string) {
	d.splice(at, at, text)
	d.splices[len(d.splices)-1].depth = depth
}

// splice replaces a part of the text.
func (d *document) splice(start, end int, text string) {
	d.splices = append(d.splices, splice{start: start, end: end, text: text})
}

func (d *document) fail() { d.err = errTooOdd }

// block writes a value as kubectl does, as lines indented by so many spaces but for the first.
func block(value any, indent int) string {
	var out strings.Builder
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Sprintf("encoding %T: %v", value, err)) // our own types can be encoded
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	return strings.Join(lines, "\n"+strings.Repeat(" ", indent))
}

// plain returns a value as a YAML library would read it.
func plain(value any) any {
	var out any
	if err := yaml.Unmarshal([]byte(block(value, 0)), &out); err != nil {
		panic(fmt.Sprintf("decoding %T: %v", value, err))
	}
	return out
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
