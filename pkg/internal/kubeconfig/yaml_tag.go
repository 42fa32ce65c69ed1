package kubeconfig

import (
	"bytes"
	"regexp"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// tagTexts gives the values with the tag "!" the tag of texts, which that means (YAML 1.2, 6.9.1). The library forgets
// it, and takes "! 5" for a number.
func tagTexts(text []byte, root *yaml.Node) {
	if !bytes.ContainsRune(text, '!') || !utf8.Valid(text) {
		return
	}
	const blank = `[ \t\r\n\x{85}\x{2028}\x{2029}]`
	anchor := `&[0-9A-Za-z_-]+(?:` + blank + `|` + blank + `#[^\r\n\x{85}\x{2028}\x{2029}]*)+`
	t := tagger{
		text:  bytes.TrimPrefix(text, []byte("\uFEFF")), // which the library doesn't count
		bare:  regexp.MustCompile(`^(?:` + anchor + `)?!(?:<(?:!|%21)>)?(?:` + blank + `|$)`),
		lines: []int{0},
	}
	for _, end := range regexp.MustCompile(`\r\n|[\r\n\x{85}\x{2028}\x{2029}]`).FindAllIndex(t.text, -1) {
		t.lines = append(t.lines, end[1])
	}
	t.tag(root)
}

type tagger struct {
	text  []byte
	lines []int          // where each line starts
	bare  *regexp.Regexp // matches a value with the tag
}

func (t *tagger) tag(n *yaml.Node) {
	// Quotes mean text anyway, and "<<" with that tag still merges.
	if n.Kind == yaml.ScalarNode && n.Style == 0 && n.Value != "<<" && t.bare.Match(t.from(n)) {
		n.Style, n.Tag = yaml.TaggedStyle, "!!str"
	}
	for _, child := range n.Content {
		t.tag(child)
	}
}

// from returns the text from where a node starts, with its anchor and its tag.
func (t *tagger) from(n *yaml.Node) []byte {
	if n.Line < 1 || n.Line > len(t.lines) {
		return nil
	}
	rest := t.text[t.lines[n.Line-1]:]
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(rest)
		rest = rest[size:]
	}
	return rest
}
