package yamledit

import (
	"bytes"
	"encoding/json"
	"strings"

	"go.yaml.in/yaml/v3"
)

// addPair adds a pair after the last one of a mapping.
func (p *patch) addPair(mapping *yaml.Node, key string, value any, depth int) {
	end := p.pairEnd(mapping, len(mapping.Content)-2)
	if isFlow(mapping) {
		p.insert(end, depth, ", "+p.flowPair(key, value, depth))
		return
	}
	indent := mapping.Content[0].Column - 1
	text := p.block(map[string]any{key: value}, indent)
	if name := p.block(key, 0); depth == 0 { // see was.go
		switch value := value.(type) {
		case []any:
			text = name + ":\n" + spaces(indent+addedIndent) + p.block(value, indent+addedIndent)
		case string:
			text = name + ": " + p.flow(value)
		}
	}
	p.insert(p.rest(end, indent), depth, "\n"+spaces(indent)+text)
}

// flowPair returns a pair as it is added in brackets.
func (p *patch) flowPair(key string, value any, depth int) string {
	before := " "
	switch value.(type) {
	case []any, string:
		if depth == 0 {
			before = mark(len(before), keyAdded)
		}
	}
	return p.flow(key) + ":" + before + p.flow(value)
}

// addPairs adds pairs to a mapping in brackets that has none.
func (p *patch) addPairs(mapping *yaml.Node, value map[string]any) {
	var pairs []string
	for _, key := range changed(nil, value, true) {
		pairs = append(pairs, p.flowPair(key, value[key], 0))
	}
	p.insert(p.content(mapping)+1, 0, strings.Join(pairs, ", "))
}

// addItems adds items after the last one of a list.
func (p *patch) addItems(list *yaml.Node, values []any, depth int) {
	if len(values) == 0 {
		return
	}
	last := list.Content[len(list.Content)-1]
	end := p.end(last)
	if isFlow(list) {
		for _, value := range values {
			p.insert(end, depth, ", "+p.flow(value))
		}
		return
	}
	dash, indent := p.dash(list, last)
	if dash < 0 {
		return
	}
	p.insert(p.rest(end, indent), depth, "\n"+spaces(indent)+p.block(values, indent))
}

// replaceValue replaces the value of the key that is the i-th child of a mapping.
func (p *patch) replaceValue(mapping *yaml.Node, i int, value any, depth int) {
	old := mapping.Content[i+1]
	start, end := p.colon(mapping.Content[i])+1, p.pairEnd(mapping, i)
	if isFlow(mapping) {
		if isAbsent(old) {
			p.splice(start, end, " "+p.flow(value))
		} else {
			p.splice(p.offset(old), end, p.flow(value))
		}
		return
	}
	text := strings.TrimPrefix(p.block(map[string]any{"k": value}, mapping.Content[0].Column-1), "k:")
	head, below, hasBelow := strings.Cut(text, "\n")
	if old.Kind == yaml.ScalarNode && !isAbsent(old) && head != "" { // the spaces before it stay
		start, head = p.offset(old), strings.TrimPrefix(head, " ")
	}
	p.splice(start, end, head)
	if hasBelow { // a comment in the line stays there
		p.insert(p.lineEnd(end), depth+1, "\n"+below)
	}
}

// block returns a value on lines, all but the first indented by so many spaces.
func (p *patch) block(value any, indent int) string {
	var out strings.Builder
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if encoder.Encode(value) != nil {
		p.fail()
	}
	return strings.ReplaceAll(strings.TrimSuffix(out.String(), "\n"), "\n", "\n"+spaces(indent))
}

// flow returns a value as it is written in brackets.
func (p *patch) flow(value any) string {
	out, err := json.Marshal(value)
	if err != nil {
		p.fail()
	}
	return string(out)
}

func spaces(n int) string { return strings.Repeat(" ", n) }

// dash returns where the dash of a list's item is, and by how many columns it is indented; -1 if it isn't found.
func (p *patch) dash(list, item *yaml.Node) (at, indent int) {
	first := p.content(list)
	indent = first - p.lineStart(first)
	for line := item.Line; line >= 1 && p.at(first) == '-'; line-- { // there may be comments between them
		start := p.lines[line-1]
		at = start + indent
		if p.at(at) == '-' && strings.Trim(string(p.text[start:at]), " -") == "" {
			return at, indent
		}
	}
	p.fail()
	return -1, 0
}

// lineStart returns where the line of a place starts.
func (p *patch) lineStart(at int) int { return bytes.LastIndexByte(p.text[:at], '\n') + 1 }
