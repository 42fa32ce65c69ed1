package kubeconfig

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Problem is a value for which kubectl, and whatever else uses client-go, refuses a whole file.
type Problem struct {
	Path   string // of the file, if known
	Kind   string // of the entry: "cluster", "context" or "user"; "" for the file itself
	Name   string // of the entry, or its number in the list
	Field  string // such as "exec.env[0].value"
	Reason string // why: it never shows the value
}

func (p Problem) String() string {
	entry, field := fmt.Sprintf("%s %q", p.Kind, p.Name), "field "+p.Field
	switch {
	case p.Kind == "" && p.Field == "":
		return "the file " + p.Reason
	case p.Kind == "":
		return field + " " + p.Reason
	case p.Field == "":
		return entry + " " + p.Reason
	}
	return entry + ": " + field + " " + p.Reason
}

// Problems returns what client-go's loader doesn't accept in the files, in their order, edits included that aren't
// written yet.
func (c *Config) Problems() []Problem {
	var all []Problem
	for _, f := range c.files {
		text := f.raw
		if f.value != nil {
			if edited, err := f.newText(); err == nil {
				text = edited
			}
		}
		for _, p := range Problems(text) {
			p.Path = f.path
			all = append(all, p)
		}
	}
	return all
}

// Problems returns what client-go's loader doesn't accept in a kubeconfig's text. It checks types, as the loader does,
// and not whether values make sense. A text that isn't YAML has none: see [Read].
func Problems(text []byte) []Problem {
	var document yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&document); err != nil {
		return nil
	}
	c := &checker{}
	root := document.Content[0]
	tagTexts(text, root)
	c.numbers(root, make(map[*yaml.Node]bool))
	if found, _ := kindOf(root); found == kindNull {
		return c.found
	}
	c.version(root)
	fields{
		"preferences":     fields{"colors": truth, "extensions": extensions()},
		"current-context": text1,
		"extensions":      extensions(),
		clustersList:      listOf("cluster", clusterShape()),
		contextsList:      listOf("context", contextShape()),
		usersList:         listOf("user", userShape()),
	}.check(c, "", root)
	return c.found
}

// version checks what the loader reads first: which version of which type the file is.
func (c *checker) version(root *yaml.Node) {
	pairs, ok := pairsOf(root)
	if !ok {
		return // which fields.check reports
	}
	for _, field := range []struct {
		name, want string
		alias      string
	}{{"apiVersion", "v1", "/v1"}, {"kind", "Config", "Config"}} {
		var last *pair // the loader ignores case here, and takes the last in the alphabet
		for i, p := range pairs {
			if strings.EqualFold(p.key, field.name) && (last == nil || p.key > last.key) {
				last = &pairs[i]
			}
		}
		if last == nil {
			continue
		}
		found, value := kindOf(last.value)
		switch {
		case found == kindNull || found == kindText && value == "":
		case found != kindText:
			c.report(field.name, mustBe("text", found))
		case value != field.want && value != field.alias:
			c.report(field.name, "must be "+field.want)
		}
	}
}

// numbers reports numbers that JSON doesn't have, and keys that it can't have, anywhere.
func (c *checker) numbers(n *yaml.Node, seen map[*yaml.Node]bool) {
	if seen[n] {
		return
	}
	seen[n] = true
	switch found, _ := kindOf(n); found {
	case kindNoJSON, kindInvalid:
		c.report("in line "+strconv.Itoa(n.Line), "is "+string(found))
	case kindMapping:
		if _, ok := pairsOf(n); !ok && n.Kind == yaml.MappingNode {
			c.report("in line "+strconv.Itoa(n.Line), "has a key that isn't text")
		}
	}
	for i, child := range n.Content {
		isKey := n.Kind == yaml.MappingNode && i%2 == 0
		if found, _ := kindOf(child); !isKey || found != kindNoJSON { // keys become text
			c.numbers(child, seen)
		}
	}
}
