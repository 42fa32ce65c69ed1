package yamledit

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// cut removes pairs from a mapping, or items from a list.
func (p *patch) cut(node *yaml.Node, gone []bool) {
	switch {
	case !slices.Contains(gone, true):
	case isFlow(node):
		p.cutFlow(node, gone)
	default:
		for i := range gone {
			if gone[i] {
				p.cutLines(node, i)
			}
		}
	}
}

// cutLines removes a pair or an item with its lines, and the line break before them: so what was inserted after the
// last line of a text leaves no trace.
func (p *patch) cutLines(node *yaml.Node, i int) {
	at, indent := p.start(node, i), 0
	if node.Kind == yaml.SequenceNode {
		if at, indent = p.dash(node, node.Content[i]); at < 0 {
			return
		}
	} else {
		indent = node.Content[2*i].Column - 1
	}
	end := p.rest(p.partEnd(node, i), indent)
	line := p.lineStart(at)
	switch {
	case strings.TrimSpace(string(p.text[line:at])) != "": // it shares its line
		p.fail()
	case line == 0:
		p.splice(0, p.nextLine(end), "")
	case p.at(line-2) == '\r':
		p.splice(line-2, end, "")
	default:
		p.splice(line-1, end, "")
	}
}

// cutFlow removes pairs or items from brackets, each with one comma.
func (p *patch) cutFlow(node *yaml.Node, gone []bool) {
	keptBefore := false
	for i := range gone {
		switch {
		case !gone[i]:
			keptBefore = true
		case keptBefore:
			p.splice(p.partEnd(node, i-1), p.partEnd(node, i), "")
		case i+1 < len(gone):
			p.splice(p.start(node, i), p.start(node, i+1), "")
		default:
			p.splice(p.start(node, i), p.partEnd(node, i), "")
		}
	}
}

// start returns where a pair of a mapping, or an item of a list, starts.
func (p *patch) start(node *yaml.Node, i int) int {
	if node.Kind == yaml.MappingNode {
		i *= 2
	}
	return p.offset(node.Content[i])
}

// partEnd returns where a pair of a mapping, or an item of a list, ends.
func (p *patch) partEnd(node *yaml.Node, i int) int {
	if node.Kind == yaml.MappingNode {
		return p.pairEnd(node, 2*i)
	}
	return p.end(node.Content[i])
}
