package kubeconfig

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// The YAML library says where a node starts. Here is found out where it ends.

// offset returns where a node starts, its anchor and tag included.
func (d *document) offset(n *yaml.Node) int {
	if n.Line < 1 || n.Line > len(d.lines) {
		d.fail()
		return 0
	}
	at := d.lines[n.Line-1]
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(d.text[at:])
		at += size
	}
	return at
}

// content returns where a node starts behind its anchor and tag.
func (d *document) content(n *yaml.Node) int {
	at := d.offset(n)
	for strings.ContainsRune("&!", rune(d.at(at))) {
		for at < len(d.text) && !unicode.IsSpace(rune(d.text[at])) {
			at++
		}
		at = d.skipSpace(at)
	}
	return at
}

// at returns a byte of the text, or 0 beyond its end.
func (d *document) at(i int) byte {
	if i < 0 || i >= len(d.text) {
		return 0
	}
	return d.text[i]
}

func (d *document) skipSpace(at int) int {
	for strings.IndexByte(" \t\r\n", d.at(at)) >= 0 && at < len(d.text) {
		at++
	}
	return at
}

// end returns where a node ends.
func (d *document) end(n *yaml.Node) int {
	switch {
	case n.Kind == yaml.AliasNode:
		return d.offset(n) + len("*") + len(n.Value)
	case n.Kind == yaml.ScalarNode:
		return d.scalarEnd(n)
	case n.Style&yaml.FlowStyle != 0:
		return d.flowEnd(n)
	case len(n.Content) == 0:
		d.fail()
		return 0
	case n.Kind == yaml.MappingNode:
		return d.pairEnd(n, len(n.Content)-2)
	default:
		return d.end(n.Content[len(n.Content)-1])
	}
}

// pairEnd returns where the pair ends whose key is the i-th child of a mapping.
func (d *document) pairEnd(mapping *yaml.Node, i int) int {
	if isAbsent(mapping.Content[i+1]) {
		return d.colon(mapping.Content[i]) + 1
	}
	return d.end(mapping.Content[i+1])
}

// isAbsent tells whether a value isn't written: "key:".
func isAbsent(n *yaml.Node) bool {
	return isNull(n) && n.Value == "" && n.Anchor == "" && n.Style&yaml.TaggedStyle == 0
}

// colon returns where the colon behind a key is.
func (d *document) colon(key *yaml.Node) int {
	at := d.end(key)
	for d.at(at) == ' ' || d.at(at) == '\t' {
		at++
	}
	if d.at(at) != ':' {
		d.fail()
	}
	return at
}

// flowEnd returns where a collection ends that is written in brackets.
func (d *document) flowEnd(n *yaml.Node) int {
	at := d.content(n) + 1
	switch {
	case len(n.Content) == 0:
	case n.Kind == yaml.MappingNode:
		at = d.pairEnd(n, len(n.Content)-2)
	default:
		at = d.end(n.Content[len(n.Content)-1])
	}
	for ; at < len(d.text); at++ {
		switch d.text[at] {
		case ']', '}':
			return at + 1
		case '#':
			at = d.lineEnd(at)
		}
	}
	d.fail()
	return 0
}

func (d *document) scalarEnd(n *yaml.Node) int {
	at := d.content(n)
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for at++; at < len(d.text) && d.text[at] != '"'; at++ {
			if d.text[at] == '\\' {
				at++
			}
		}
		return at + 1
	case n.Style&yaml.SingleQuotedStyle != 0:
		for at++; at < len(d.text); at++ {
			if d.text[at] != '\'' {
				continue
			}
			if d.at(at+1) != '\'' {
				return at + 1
			}
			at++
		}
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return d.blockScalarEnd(at)
	default:
		return d.plainEnd(at, n.Value)
	}
	d.fail()
	return 0
}

// plainEnd returns where a scalar without quotes ends, which may stand on several lines.
func (d *document) plainEnd(at int, value string) int {
	for _, r := range value {
		if unicode.IsSpace(r) {
			at = d.skipSpace(at)
			continue
		}
		found, size := utf8.DecodeRune(d.text[min(at, len(d.text)):])
		if found != r {
			d.fail()
			return 0
		}
		at += size
	}
	return at
}

// blockScalarEnd returns where a scalar ends whose header, | or >, is at that place: behind the last
// line that is indented as deep as its first one.
func (d *document) blockScalarEnd(at int) int {
	end, indent := d.lineEnd(at), -1
	for next := d.nextLine(end); next < len(d.text); next = d.nextLine(d.lineEnd(next)) {
		depth, blank := d.indent(next)
		switch {
		case blank:
			continue
		case indent < 0 && depth > 0:
			indent = depth
		case depth < indent || indent < 0:
			return end
		}
		end = d.lineEnd(next)
	}
	return end
}

// lineEnd returns where the line ends that holds that place, without its line break.
func (d *document) lineEnd(at int) int {
	at = min(at, len(d.text))
	i := bytes.IndexByte(d.text[at:], '\n')
	if i < 0 {
		return len(d.text)
	}
	if end := at + i; end > at && d.text[end-1] == '\r' {
		return end - 1
	}
	return at + i
}

// nextLine returns where the line starts behind one that ends there.
func (d *document) nextLine(end int) int {
	i := bytes.IndexByte(d.text[end:], '\n')
	if i < 0 {
		return len(d.text)
	}
	return end + i + 1
}

// indent returns by how many spaces the line is indented that starts there, and whether that is all.
func (d *document) indent(start int) (depth int, blank bool) {
	line := d.text[start:d.lineEnd(start)]
	depth = len(line) - len(bytes.TrimLeft(line, " "))
	return depth, len(bytes.TrimSpace(line)) == 0
}

// rest returns where what stands below and belongs to it ends, for something that ends at that place
// and starts behind so many spaces: the rest of its line, and comments that are indented deeper.
func (d *document) rest(at, indent int) int {
	end := d.lineEnd(at)
	for next := d.nextLine(end); next < len(d.text); next = d.nextLine(d.lineEnd(next)) {
		depth, blank := d.indent(next)
		if blank {
			continue
		}
		if d.text[next+depth] != '#' || depth <= indent {
			break
		}
		end = d.lineEnd(next)
	}
	return end
}
