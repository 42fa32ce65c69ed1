package yamledit

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// The YAML library reports where a node starts. These functions find where it ends.

// offset returns where a node starts, anchor and tag included.
func (p *patch) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(p.lines) {
		p.fail()
		return 0
	}
	at := p.lines[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(p.text[at:])
		at += size
	}
	return at
}

// content returns where a node starts after its anchor and tag.
func (p *patch) content(n *yaml.Node) int {
	at := p.offset(n)
	for strings.ContainsRune("&!", rune(p.at(at))) {
		for at < len(p.text) && !unicode.IsSpace(rune(p.text[at])) {
			at++
		}
		at = p.skipSpace(at)
	}
	return at
}

// at returns a byte of the text, or 0 beyond its end.
func (p *patch) at(i int) byte {
	if i < 0 || i >= len(p.text) {
		return 0
	}
	return p.text[i]
}

func (p *patch) skipSpace(at int) int {
	for strings.IndexByte(" \t\r\n", p.at(at)) >= 0 && at < len(p.text) {
		at++
	}
	return at
}

// end returns where a node ends.
func (p *patch) end(n *yaml.Node) int {
	switch {
	case n.Kind == yaml.AliasNode:
		return p.offset(n) + len("*") + len(n.Value)
	case n.Kind == yaml.ScalarNode:
		return p.scalarEnd(n)
	case n.Style&yaml.FlowStyle != 0:
		return p.flowEnd(n)
	case len(n.Content) == 0:
		p.fail()
		return 0
	case n.Kind == yaml.MappingNode:
		return p.pairEnd(n, len(n.Content)-2)
	default:
		return p.end(n.Content[len(n.Content)-1])
	}
}

// pairEnd returns where the pair ends whose key is the i-th child of a mapping.
func (p *patch) pairEnd(mapping *yaml.Node, i int) int {
	if isAbsent(mapping.Content[i+1]) {
		return p.colon(mapping.Content[i]) + 1
	}
	return p.end(mapping.Content[i+1])
}

// isAbsent reports whether a value isn't written: "key:".
func isAbsent(n *yaml.Node) bool {
	return isNull(n) && n.Value == "" && n.Anchor == "" && n.Style&yaml.TaggedStyle == 0
}

// colon returns where the colon after a key is.
func (p *patch) colon(key *yaml.Node) int {
	at := p.end(key)
	for p.at(at) == ' ' || p.at(at) == '\t' {
		at++
	}
	if p.at(at) != ':' {
		p.fail()
	}
	return at
}

// flowEnd returns where a collection in brackets ends.
func (p *patch) flowEnd(n *yaml.Node) int {
	at := p.content(n) + 1
	switch {
	case len(n.Content) == 0:
	case n.Kind == yaml.MappingNode:
		at = p.pairEnd(n, len(n.Content)-2)
	default:
		at = p.end(n.Content[len(n.Content)-1])
	}
	for ; at < len(p.text); at++ {
		switch p.text[at] {
		case ']', '}':
			return at + 1
		case '#':
			at = p.lineEnd(at)
		}
	}
	p.fail()
	return 0
}

func (p *patch) scalarEnd(n *yaml.Node) int {
	at := p.content(n)
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for at++; at < len(p.text) && p.text[at] != '"'; at++ {
			if p.text[at] == '\\' {
				at++
			}
		}
		return at + 1
	case n.Style&yaml.SingleQuotedStyle != 0:
		for at++; at < len(p.text); at++ {
			if p.text[at] != '\'' {
				continue
			}
			if p.at(at+1) != '\'' {
				return at + 1
			}
			at++
		}
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return p.blockScalarEnd(at)
	default:
		return p.plainEnd(at, n.Value)
	}
	p.fail()
	return 0
}

// plainEnd returns where a scalar without quotes ends, which may have several lines.
func (p *patch) plainEnd(at int, value string) int {
	for _, r := range value {
		if unicode.IsSpace(r) {
			at = p.skipSpace(at)
			continue
		}
		found, size := utf8.DecodeRune(p.text[min(at, len(p.text)):])
		if found != r {
			p.fail()
			return 0
		}
		at += size
	}
	return at
}

// blockScalarEnd returns where a scalar ends whose header, | or >, is at that place: after the last line that is
// indented as deep as its first one.
func (p *patch) blockScalarEnd(at int) int {
	end, indent := p.lineEnd(at), -1
	for next := p.nextLine(end); next < len(p.text); next = p.nextLine(p.lineEnd(next)) {
		depth, blank := p.indent(next)
		switch {
		case blank:
			continue
		case indent < 0 && depth > 0:
			indent = depth
		case depth < indent || indent < 0:
			return end
		}
		end = p.lineEnd(next)
	}
	return end
}

// lineEnd returns where the line of a place ends, without its line break.
func (p *patch) lineEnd(at int) int {
	at = min(at, len(p.text))
	i := bytes.IndexByte(p.text[at:], '\n')
	if i < 0 {
		return len(p.text)
	}
	if end := at + i; end > at && p.text[end-1] == '\r' {
		return end - 1
	}
	return at + i
}

// nextLine returns where the line after one that ends there starts.
func (p *patch) nextLine(end int) int {
	i := bytes.IndexByte(p.text[end:], '\n')
	if i < 0 {
		return len(p.text)
	}
	return end + i + 1
}

// indent returns by how many spaces the line that starts there is indented, and whether it is blank.
func (p *patch) indent(start int) (depth int, blank bool) {
	line := p.text[start:p.lineEnd(start)]
	depth = len(line) - len(bytes.TrimLeft(line, " "))
	return depth, len(bytes.TrimSpace(line)) == 0
}

// rest returns where everything ends that belongs to a node which ends there and is indented by so many spaces: the
// rest of its line, and the comments below it that are indented deeper.
func (p *patch) rest(at, indent int) int {
	end := p.lineEnd(at)
	for next := p.nextLine(end); next < len(p.text); next = p.nextLine(p.lineEnd(next)) {
		depth, blank := p.indent(next)
		if blank {
			continue
		}
		if p.text[next+depth] != '#' || depth <= indent {
			break
		}
		end = p.lineEnd(next)
	}
	return end
}
