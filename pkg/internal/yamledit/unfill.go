package yamledit

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// unfill takes the value of a key away, and writes what stood there before. It returns false if the value isn't one
// that fill writes.
func (p *patch) unfill(mapping *yaml.Node, i int) bool {
	node := mapping.Content[i+1]
	isList := node.Kind == yaml.SequenceNode && len(node.Content) > 0
	isText := node.Kind == yaml.ScalarNode && node.ShortTag() == "!!str" && node.Anchor == "" &&
		node.Style&(yaml.TaggedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	switch {
	case !isList && !isText:
		return false
	case isFlow(mapping) && isText:
		p.unfillFlow(mapping, i)
	case isText:
		p.unfillText(mapping, i)
	case isFlow(mapping):
		if p.flowForm(mapping, i) == "" {
			p.cut(node, slices.Repeat([]bool{true}, len(node.Content)))
		}
		p.unfillFlow(mapping, i)
	default:
		p.cut(node, slices.Repeat([]bool{true}, len(node.Content)))
		if !isFlow(node) {
			p.unfillList(mapping, i)
		}
	}
	return true
}

func (p *patch) unfillFlow(mapping *yaml.Node, i int) {
	node := mapping.Content[i+1]
	start, end := p.offset(node), p.end(node)
	marked := p.spacesBefore(start)
	before, form := unmark(marked)
	if node.Kind == yaml.SequenceNode && form == "" { // its brackets stay
		p.splice(start-marked, start, spaces(before))
		return
	}
	switch {
	case form == noValue:
		form = ""
	case form == "" && node.Style&yaml.SingleQuotedStyle != 0:
		form = "''"
	case form == "":
		form = `""`
	}
	p.splice(start-marked, end, spaces(before)+form)
}

func (p *patch) unfillList(mapping *yaml.Node, i int) {
	after := p.colon(mapping.Content[i]) + 1
	switch form, at, ok := p.comment(mapping, i); {
	case !ok:
		p.insert(after, 1, " null") // as Go writes an empty list; before its items are cut
	case form == noValue:
		p.splice(after, at+len(was+noValue), "")
	default:
		p.splice(at, at+len(was), "")
	}
}

func (p *patch) unfillText(mapping *yaml.Node, i int) {
	node := mapping.Content[i+1]
	start, end := p.offset(node), p.end(node)
	switch form, at, ok := p.comment(mapping, i); {
	case ok && form == noValue:
		p.splice(p.colon(mapping.Content[i])+1, at+len(was+noValue), "")
	case ok:
		p.splice(start, at+len(was), "")
	case node.Style&yaml.SingleQuotedStyle != 0:
		p.splice(start, end, "''")
	default:
		p.splice(start, end, `""`)
	}
}
