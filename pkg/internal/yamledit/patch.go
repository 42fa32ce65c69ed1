package yamledit

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// patch is a change of a text: replacements of parts of it.
type patch struct {
	*Document
	splices []splice
	failed  bool // the text has an unexpected form
}

// splice is a replacement of text[start:end].
type splice struct {
	start, end int
	text       string
	depth      int // of what is inserted: of several things in one place, the deepest comes first
}

// Apply returns the text with that value, which must consist of the types that Value returns: strings, numbers, lists
// of type []any and so on. Mappings in lists are recognised by their name, if they have one. An empty list may be
// written as null. Additions are written on lines of their own where the text isn't in brackets, in the order of their
// keys, mappings and lists first. The error is ErrTooOdd.
func (d *Document) Apply(value map[string]any) ([]byte, error) {
	p := &patch{Document: d}
	old := d.Value()
	switch {
	case p.mapping(d.root, old, value, 0):
	case isFlow(d.root) && len(old) > 0: // else it has a pair that isn't in the value: its key is null
		p.splice(p.content(d.root), p.flowEnd(d.root), p.flow(value))
	default:
		return nil, ErrTooOdd
	}
	text, ok := p.spliced()
	if !ok {
		return nil, ErrTooOdd
	}
	text = uncomplete(text, d.empty)
	after, err := Parse(text, d.empty)
	if err != nil || !after.Says(value) {
		return nil, ErrTooOdd
	}
	return text, nil
}

// spliced returns the text with all replacements made and its own kind of line breaks.
func (p *patch) spliced() ([]byte, bool) {
	slices.SortStableFunc(p.splices, func(a, b splice) int { return cmp.Or(a.start-b.start, b.depth-a.depth) })
	newline := "\n"
	if bytes.Contains(p.text, []byte("\r\n")) {
		newline = "\r\n"
	}
	var out []byte
	at := 0
	for _, s := range p.splices {
		if s.start < at || s.end < s.start || s.end > len(p.text) {
			return nil, false
		}
		out = append(append(out, p.text[at:s.start]...), strings.ReplaceAll(s.text, "\n", newline)...)
		at = s.end
	}
	return append(out, p.text[at:]...), !p.failed
}

func (p *patch) fail() { p.failed = true }

// splice replaces a part of the text.
func (p *patch) splice(start, end int, text string) {
	p.splices = append(p.splices, splice{start: start, end: end, text: text})
}

// insert inserts something that is nested that deep.
func (p *patch) insert(at, depth int, text string) {
	p.splices = append(p.splices, splice{start: at, end: at, text: text, depth: depth})
}

// inside changes what differs inside a value. It returns false if the whole value must be replaced.
func (p *patch) inside(node *yaml.Node, old, new any, depth int) bool {
	switch old := old.(type) {
	case map[string]any:
		new, ok := new.(map[string]any)
		return ok && p.mapping(node, old, new, depth)
	case []any:
		list, ok := new.([]any)
		return (ok || new == nil) && p.list(node, old, list, depth)
	}
	return false
}

// mapping changes the pairs of a mapping that differ. It returns false as inside does.
func (p *patch) mapping(node *yaml.Node, old, new map[string]any, depth int) bool {
	if node.Kind == yaml.MappingNode && len(node.Content) == 0 && isFlow(node) && len(old) == 0 && depth == 0 {
		p.addPairs(node, new)
		return true
	}
	if node.Kind != yaml.MappingNode || !keepsKey(old, new) {
		return false
	}
	gone := p.gonePairs(node, old, new, depth)
	p.cut(node, gone)
	for _, key := range changed(old, new, depth == 0) {
		i := keyIndex(node, key)
		switch {
		case depth == 0 && isElsewhere(node, i, old[key]):
			p.fail() // once it is written here, nothing tells that it wasn't before
		case i < 0:
			p.addPair(node, key, new[key], depth)
		case gone[i/2]:
		case depth == 0 && isNothing(old[key]) && p.fill(node, i, new[key], depth):
		case depth == 0 && isNothing(new[key]) && p.unfill(node, i):
		case !p.inside(node.Content[i+1], old[key], new[key], depth+1):
			p.replaceValue(node, i, new[key], depth)
		}
	}
	return true
}

// gonePairs reports which pairs of a mapping are to be cut: those whose keys are gone, and those that Apply has added
// and whose values are gone. Something stays of a mapping between lines.
func (p *patch) gonePairs(node *yaml.Node, old, new map[string]any, depth int) []bool {
	gone := make([]bool, len(node.Content)/2)
	added := make([]bool, len(gone))
	stays := isFlow(node)
	for i := range gone {
		key := node.Content[2*i].Value
		_, was := old[key]
		_, is := new[key]
		gone[i] = was && !is
		added[i] = depth == 0 && is && !isNothing(old[key]) && isNothing(new[key]) && p.wasAdded(node, 2*i)
		stays = stays || !gone[i] && !added[i]
	}
	for i := range gone {
		gone[i] = gone[i] || added[i] && stays
	}
	return gone
}

// list changes the items of a list that differ. It returns false as inside does.
func (p *patch) list(node *yaml.Node, old, new []any, depth int) bool {
	if node.Kind != yaml.SequenceNode || len(node.Content) != len(old) || len(old) == 0 {
		return false
	}
	gone, kept, keepsMapping := match(old, new)
	if len(new) > 0 && !keepsMapping && slices.Contains(gone, true) && (kept == 0 || !areMappings(old, gone)) {
		return false
	}
	next := 0
	for i, item := range old {
		if gone[i] {
			continue
		}
		if !equal(item, new[next]) && !p.inside(node.Content[i], item, new[next], depth+1) {
			p.fail()
		}
		next++
	}
	p.cut(node, gone)
	p.addItems(node, new[kept:], depth)
	return true
}

// isElsewhere reports whether a list is written elsewhere: it is an alias, or its key is merged.
func isElsewhere(mapping *yaml.Node, key int, value any) bool {
	list, isList := value.([]any)
	if !isList || len(list) == 0 {
		return false
	}
	return key < 0 || mapping.Content[key+1].Kind == yaml.AliasNode
}

func keyIndex(mapping *yaml.Node, key string) int {
	for i := 0; i < len(mapping.Content); i += 2 {
		if n := mapping.Content[i]; n.Kind == yaml.ScalarNode && n.Value == key {
			return i
		}
	}
	return -1
}

func isFlow(n *yaml.Node) bool { return n.Style&yaml.FlowStyle != 0 }
