package yamledit

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// What is added to a text can be removed again without a trace. YAML has many ways to write nothing: a missing key, a
// key without a value, null, ~, [], "". The text itself remembers which of them an addition has replaced:
//
//   - An empty list in brackets gets its items inside them. One between lines that was null has its items in the column
//     of its key; that of a key that was added has them two columns further right.
//   - A text that was "" has no quotes if it needs none, one that was '' has single quotes, and one whose key was added
//     has double quotes.
//   - Everything else becomes a comment: "#was ~". In brackets, where a comment would hide the rest of the line, the
//     number of spaces before the value says it: see mark. Tabs would do, but PyYAML doesn't take them there.

// was starts the comment that a replaced value becomes.
const was = "#was "

// noValue is how such a comment calls a value that isn't written.
const noValue = "nothing"

// flowForms are what a value in brackets may have replaced.
var flowForms = [...]string{"", "null", keyAdded, "~", "Null", "NULL", noValue}

// keyAdded means that there was no key. It is not a form of a value.
const keyAdded = "-"

// wasComment matches the comment that a replaced value has become.
const wasComment = `[ \t]` + was + `(null|Null|NULL|~|''|""|` + noValue + `)(?:[ \t\r\n]|$)`

// isNothing reports whether a value is null, an empty list or an empty text.
func isNothing(value any) bool { return value == "" || isEmpty(value) }

// form returns how an empty value is written, or "" if it isn't one of the forms that an addition can replace.
func (p *patch) form(node *yaml.Node) string {
	if isAbsent(node) {
		return noValue
	}
	if node.Kind != yaml.ScalarNode || node.Anchor != "" || node.Style&yaml.TaggedStyle != 0 {
		return ""
	}
	text := string(p.text[p.offset(node):p.end(node)])
	switch text {
	case "null", "Null", "NULL", "~", "''", `""`:
		return text
	}
	return ""
}

// fill gives a list or a text to a key that has no value. It returns false for other values, and fails if the way in
// which the key has none can't be remembered.
func (p *patch) fill(mapping *yaml.Node, i int, value any, depth int) bool {
	node := mapping.Content[i+1]
	items, isList := value.([]any)
	text, isText := value.(string)
	if isList && node.Kind == yaml.SequenceNode && isFlow(node) {
		var all []string
		for _, item := range items {
			all = append(all, p.flow(item))
		}
		p.insert(p.content(node)+1, depth+1, strings.Join(all, ", "))
		if isFlow(mapping) {
			before := p.spacesBefore(p.offset(node))
			p.splice(p.offset(node)-before, p.offset(node), mark(before, ""))
		}
		return true
	}
	form := p.form(node)
	switch {
	case !isList && !isText:
		return false
	case form == "": // an anchor, a tag, an alias
		p.fail()
		return true
	case isFlow(mapping):
		return p.fillFlow(mapping, i, form, value)
	case isList && strings.ContainsAny(form, `'"`):
		return false
	case isList:
		p.fillList(mapping, i, form, items, depth)
		return true
	}
	return p.fillText(mapping, i, form, text)
}

// fillFlow gives a value to a key in brackets.
func (p *patch) fillFlow(mapping *yaml.Node, i int, form string, value any) bool {
	text, isText := value.(string)
	start, end := p.colon(mapping.Content[i])+1, p.pairEnd(mapping, i)
	if form != noValue {
		start = p.offset(mapping.Content[i+1])
	}
	written := p.flow(value)
	if form == `""` || form == "''" {
		if isText && form == "''" {
			written = singleQuoted(text)
		}
		form = ""
	}
	if form == noValue {
		p.splice(start, end, mark(0, form)+written)
		return true
	}
	before := p.spacesBefore(start)
	p.splice(start-before, end, mark(before, form)+written)
	return true
}

// mark returns the spaces before a value in brackets that has replaced a form of nothing with so many spaces before it.
// A "" or [] that had none or one, as is usual, keeps them.
func mark(before int, form string) string {
	i := slices.Index(flowForms[:], form)
	return spaces(usual*(len(flowForms)*(before/usual)+i) + before%usual)
}

// unmark returns what a value in brackets with so many spaces before it has replaced.
func unmark(marked int) (before int, form string) {
	all := marked / usual
	return all/len(flowForms)*usual + marked%usual, flowForms[all%len(flowForms)]
}

// usual is how many numbers of spaces before a value are usual: none and one.
const usual = 2

// spacesBefore returns how many spaces precede a place.
func (p *patch) spacesBefore(at int) int {
	return at - len(bytes.TrimRight(p.text[:at], " "))
}

// fillList writes a list below a key.
func (p *patch) fillList(mapping *yaml.Node, i int, form string, items []any, depth int) {
	indent := mapping.Content[0].Column - 1
	after, end := p.colon(mapping.Content[i])+1, p.pairEnd(mapping, i)
	switch {
	case form == noValue:
		p.insert(after, depth+2, " "+was+noValue)
	case form == "null" && p.offset(mapping.Content[i+1]) == after+1 && p.at(after) == ' ': // as kubectl writes it
		p.splice(after, end, "")
	default:
		p.insert(p.offset(mapping.Content[i+1]), depth+2, was)
	}
	p.insert(p.rest(end, indent), depth+1, "\n"+spaces(indent)+p.block(items, indent))
}

// fillText writes a text behind a key.
func (p *patch) fillText(mapping *yaml.Node, i int, form, text string) bool {
	value := p.block(text, 0)
	if strings.Contains(value, "\n") {
		return false
	}
	isPlain := !strings.ContainsAny(value[:1], `'"`)
	switch start, end := p.offset(mapping.Content[i+1]), p.pairEnd(mapping, i); {
	case form == noValue:
		p.insert(end, 1, " "+value+" "+was+noValue) // before keys that are added
	case form == "''":
		p.splice(start, end, singleQuoted(text))
	case form == `""` && isPlain:
		p.splice(start, end, value)
	default:
		p.insert(start, 1, value+" "+was)
	}
	return true
}

// singleQuoted returns a text, without line breaks, in single quotes.
func singleQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// wasAdded reports whether Apply has added the key that is the i-th child of a mapping.
func (p *patch) wasAdded(mapping *yaml.Node, i int) bool {
	node := mapping.Content[i+1]
	if node.Kind != yaml.SequenceNode && node.Kind != yaml.ScalarNode {
		return false
	}
	if isFlow(mapping) {
		return p.flowForm(mapping, i) == keyAdded
	}
	if _, _, ok := p.comment(mapping, i); ok || isFlow(node) {
		return false
	}
	if node.Kind == yaml.SequenceNode {
		_, indent := p.dash(node, node.Content[0])
		return indent == mapping.Content[0].Column-1+addedIndent
	}
	return node.Style&yaml.DoubleQuotedStyle != 0
}

// addedIndent is how far right of its key an added list stands.
const addedIndent = 2

// flowForm returns what a value in brackets has replaced.
func (p *patch) flowForm(mapping *yaml.Node, i int) string {
	_, form := unmark(p.spacesBefore(p.offset(mapping.Content[i+1])))
	return form
}

// comment returns what a value has replaced, and where the comment is that says so.
func (p *patch) comment(mapping *yaml.Node, i int) (form string, at int, ok bool) {
	node := mapping.Content[i+1]
	var start, end int
	switch {
	case node.Kind == yaml.ScalarNode: // behind it
		start = p.end(node)
		end = p.lineEnd(start)
	case len(node.Content) > 0: // between the key and the first item
		start, end = p.colon(mapping.Content[i])+1, p.offset(node.Content[0])
	}
	if p.failed || start > end {
		return "", 0, false
	}
	found := regexp.MustCompile(wasComment).FindSubmatchIndex(p.text[start:end])
	if found == nil || node.Kind == yaml.ScalarNode && found[0] > 0 {
		return "", 0, false
	}
	return string(p.text[start+found[2] : start+found[3]]), start + found[0] + len(" "), true
}
