package yamledit

import (
	"bytes"
	"errors"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// What completes a text follows one of these marks: the text either has no value, or one that became a comment.
const (
	noneAbove    = was + noValue + "\n"
	commentAbove = was + "above\n"
)

// complete parses a text that has no value followed by one that has, after a mark. A missing text leaves no trace.
func complete(text []byte, mark, empty string) (*Document, error) {
	if empty == "" {
		return nil, errors.New("it is empty")
	}
	if bytes.HasSuffix(text, []byte(empty)) { // it follows the end of another document
		return nil, ErrSeveral
	}
	text = bytes.Clone(text)
	switch {
	case text == nil:
	case len(text) == 0 || bytes.HasSuffix(text, []byte("\n")):
		text = append(text, mark...)
	default:
		text = append(text, " "+mark...)
	}
	return Parse(append(text, empty...), empty)
}

// uncomplete returns the text that complete has completed, if there is nothing more in it now.
func uncomplete(text []byte, empty string) []byte {
	before, hasComment := bytes.CutSuffix(text, []byte(commentAbove+empty))
	before, hasNone := bytes.CutSuffix(before, []byte(noneAbove+empty))
	if !hasComment && !hasNone || empty == "" {
		return text
	}
	if len(before) > 0 && !bytes.HasSuffix(before, []byte("\n")) {
		before = bytes.TrimSuffix(before, []byte(" "))
	}
	if hasNone {
		return before
	}
	for _, found := range regexp.MustCompile(was).FindAllIndex(before, -1) {
		value := append(bytes.Clone(before[:found[0]]), before[found[1]:]...)
		var node yaml.Node
		if yaml.Unmarshal(value, &node) != nil || len(node.Content) == 0 {
			continue
		}
		if again, ok := comment(value, node.Content[0]); ok && bytes.Equal(again, before) {
			return value
		}
	}
	return before // somebody has changed the comment
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
