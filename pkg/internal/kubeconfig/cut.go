package kubeconfig

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// remove takes the items of these names out of a list.
func (d *document) remove(list string, names []string) {
	old, _ := d.meaning[list].([]any)
	node := child(d.root, list)
	if len(old) == 0 || node == nil || len(node.Content) != len(old) {
		return
	}
	gone := make([]bool, len(old))
	var kept []any
	for i, item := range old {
		gone[i] = slices.Contains(names, nameOf(item))
		if !gone[i] {
			kept = append(kept, item)
		}
	}
	switch {
	case len(kept) == len(old):
		return
	case node.Style&yaml.FlowStyle != 0:
		d.meaning[list] = kept
		if kept == nil {
			d.meaning[list] = []any{}
		}
		d.removeFlow(node, gone)
		return
	case kept == nil:
		d.meaning[list] = nil
		colon := d.colon(d.root.Content[keyIndex(d.root, list)])
		d.splice(colon+1, colon+1, " null") // as kubectl writes an empty list
	default:
		d.meaning[list] = kept
	}
	for i, item := range node.Content {
		if gone[i] {
			d.removeLines(item)
		}
	}
}

// removeLines takes an item of a list out with its lines, and the line break before them: what was
// put behind the last line of a file is removed without a trace.
func (d *document) removeLines(item *yaml.Node) {
	indent := d.dash(item)
	end := d.rest(d.end(item), indent)
	line := item.Line - 1
	for line > 0 && d.at(d.lines[line]+indent) != '-' {
		line--
	}
	start := d.lines[line]
	if _, blank := d.indent(start); blank || line == 0 || strings.TrimSpace(string(d.text[start:start+indent])) != "" {
		d.fail()
		return
	}
	d.splice(d.lineEnd(d.lines[line-1]), end, "")
}

// removeFlow takes items out of a list in brackets, each with one comma.
func (d *document) removeFlow(node *yaml.Node, gone []bool) {
	keptBefore := false
	for i, item := range node.Content {
		switch {
		case !gone[i]:
			keptBefore = true
		case keptBefore:
			d.splice(d.end(node.Content[i-1]), d.end(item), "")
		case i+1 < len(node.Content):
			d.splice(d.offset(item), d.offset(node.Content[i+1]), "")
		default:
			d.splice(d.offset(item), d.end(item), "")
		}
	}
}
