package yamledit

import (
	"bytes"
	"errors"

	"go.yaml.in/yaml/v3"
)

// complete parses a text that has no value followed by one that has. A missing text leaves no trace; what another one
// says becomes a comment: see uncomplete.
func complete(text []byte, empty string) (*Document, error) {
	if empty == "" {
		return nil, errors.New("it is empty")
	}
	if bytes.HasSuffix(text, []byte(empty)) { // it follows the end of another document
		return nil, errSeveral
	}
	text = bytes.Clone(text)
	switch {
	case text == nil:
	case len(text) == 0 || bytes.HasSuffix(text, []byte("\n")):
		text = append(text, was+noValue+"\n"...)
	default:
		text = append(text, " "+was+noValue+"\n"...)
	}
	return Parse(append(text, empty...), empty)
}

// uncomplete returns the text that complete has completed, if there is nothing more in it now.
func uncomplete(text []byte, empty string) []byte {
	before, ok := bytes.CutSuffix(text, []byte(was+noValue+"\n"+empty))
	if !ok || empty == "" {
		return text
	}
	if len(before) > 0 && !bytes.HasSuffix(before, []byte("\n")) {
		before = bytes.TrimSuffix(before, []byte(" "))
	}
	for _, value := range []string{"{", "null", "Null", "NULL", "~"} {
		if at := bytes.LastIndex(before, []byte(was+value)); at >= 0 {
			return append(bytes.Clone(before[:at]), before[at+len(was):]...)
		}
	}
	return before
}

// comment returns a text without its value, which becomes a comment, if that is null or {} in one line.
func comment(text []byte, root *yaml.Node) ([]byte, bool) {
	isNone := root.Kind == yaml.MappingNode && len(root.Content) == 0 && isFlow(root) || isNull(root)
	if !isNone || root.Anchor != "" || root.Style&yaml.TaggedStyle != 0 {
		return nil, false
	}
	p := &patch{Document: &Document{text: text, root: root, lines: lineStarts(text)}}
	at, end := p.offset(root), p.end(root)
	if p.failed || at > end || bytes.Contains(text[at:end], []byte("\n")) {
		return nil, false
	}
	return append(append(bytes.Clone(text[:at]), was...), text[at:]...), true
}
