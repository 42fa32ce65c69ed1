package kubeconfig

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// checker collects problems.
type checker struct {
	kind, name string // of the entry that is being checked
	found      []Problem
}

func (c *checker) report(field, reason string) {
	if c.kind != "" {
		field = strings.TrimPrefix(field, c.kind+".")
	}
	c.found = append(c.found, Problem{Kind: c.kind, Name: c.name, Field: field, Reason: reason})
}

// shape is a type of the v1 Config (k8s.io/client-go/tools/clientcmd/api/v1). Null is of every type.
type shape interface {
	check(c *checker, field string, n *yaml.Node)
}

// scalar is the shape of values of one kind.
type scalar struct {
	is   kind
	want string
}

var (
	text1 = scalar{kindText, "text"}
	truth = scalar{kindTruth, "true or false, without quotes"}
)

func (s scalar) check(c *checker, field string, n *yaml.Node) {
	if found, _ := kindOf(n); found != s.is && found != kindNull {
		c.report(field, mustBe(s.want, found))
	}
}

// mustBe returns why a value is refused.
func mustBe(want string, found kind) string {
	if want == "text" && (found == kindTruth || found == kindInteger || found == kindNumber) {
		return fmt.Sprintf("must be text, and is %s: it needs quotes", found)
	}
	return fmt.Sprintf("must be %s, and is %s", want, found)
}

// data is base64.
type data struct{}

func (data) check(c *checker, field string, n *yaml.Node) {
	switch found, value := kindOf(n); found {
	case kindNull:
	case kindText:
		if _, err := base64.StdEncoding.DecodeString(value); err != nil {
			c.report(field, "must be base64")
		}
	case kindList: // of bytes
		for _, item := range resolved(n).Content {
			found, value := kindOf(item)
			number, err := strconv.ParseUint(strings.ReplaceAll(value, "_", ""), 0, 8)
			if found != kindNull && (found != kindInteger || err != nil || number > 255) {
				c.report(field, "must be base64")
				return
			}
		}
	default:
		c.report(field, mustBe("base64", found))
	}
}

// pairs returns the pairs of a mapping. It reports any other value, and returns none.
func (c *checker) pairs(field string, n *yaml.Node) []pair {
	found, _ := kindOf(n)
	if found != kindMapping {
		if found != kindNull {
			c.report(field, mustBe("a mapping", found))
		}
		return nil
	}
	pairs, _ := pairsOf(n)
	return pairs
}

// fields is a mapping with known fields. Others are ignored.
type fields map[string]shape

func (s fields) check(c *checker, field string, n *yaml.Node) {
	for _, p := range c.pairs(field, n) {
		if shape := s[p.key]; shape != nil {
			shape.check(c, below(field, p.key), p.value)
		}
	}
}

func below(field, key string) string {
	if field == "" {
		return key
	}
	return field + "." + key
}

// mapOf is a mapping with any keys.
type mapOf struct{ value shape }

func (s mapOf) check(c *checker, field string, n *yaml.Node) {
	for _, p := range c.pairs(field, n) {
		s.value.check(c, field+" (a value)", p.value) // the key may be anything, and isn't shown
	}
}

// list is a list of values.
type list struct{ item shape }

func (s list) check(c *checker, field string, n *yaml.Node) {
	for i, item := range c.items(field, n) {
		s.item.check(c, fmt.Sprintf("%s[%d]", field, i), item)
	}
}

// items returns the items of a list. It reports what isn't one.
func (c *checker) items(field string, n *yaml.Node) []*yaml.Node {
	found, _ := kindOf(n)
	if found != kindList {
		if found != kindNull {
			c.report(field, mustBe("a list", found))
		}
		return nil
	}
	return resolved(n).Content
}

// named is a list of entries with unique names.
type named struct {
	kind string
	body shape // nil: anything
}

func listOf(kind string, body shape) named { return named{kind, body} }

func (s named) check(c *checker, field string, n *yaml.Node) {
	outer := *c
	seen := make(map[string]bool)
	for i, item := range c.items(field, n) {
		name := nameIn(item)
		if outer.kind == "" && s.body != nil {
			c.kind, c.name = s.kind, name
			if name == "" {
				c.name = "number " + strconv.Itoa(i+1)
			}
			field = ""
		}
		entry := fields{"name": text1, s.kind: s.body}
		at := field
		if field != "" {
			at = fmt.Sprintf("%s[%d]", field, i)
		}
		entry.check(c, at, item)
		if seen[name] {
			c.report(below(at, "name"), "already exists in this list")
		}
		seen[name] = seen[name] || s.body != nil || hasExtension(item)
	}
	c.kind, c.name = outer.kind, outer.name
}

// hasExtension reports whether an extension isn't null: the loader counts only those.
func hasExtension(item *yaml.Node) bool {
	pairs, _ := pairsOf(item)
	for _, p := range pairs {
		if found, _ := kindOf(p.value); p.key == "extension" {
			return found != kindNull
		}
	}
	return false
}

// nameIn returns the name of an entry, or "".
func nameIn(item *yaml.Node) string {
	name := ""
	pairs, _ := pairsOf(item)
	for _, p := range pairs {
		if found, value := kindOf(p.value); p.key == "name" && found == kindText {
			name = value
		}
	}
	return name
}

// The shapes are functions so that a program that doesn't check a kubeconfig doesn't build them when it starts.

func extensions() shape { return listOf("extension", nil) }

func clusterShape() fields {
	return fields{
		"server": text1, "tls-server-name": text1, "insecure-skip-tls-verify": truth, "certificate-authority": text1,
		"certificate-authority-data": data{}, "proxy-url": text1, "disable-compression": truth,
		"extensions": extensions(),
	}
}

func contextShape() fields {
	return fields{"cluster": text1, "user": text1, "namespace": text1, "extensions": extensions()}
}

func userShape() fields {
	return fields{
		"client-certificate": text1, "client-certificate-data": data{}, "client-key": text1, "client-key-data": data{},
		"token": text1, "tokenFile": text1, "username": text1, "password": text1,
		"as": text1, "as-uid": text1, "as-groups": list{text1}, "as-user-extra": mapOf{list{text1}},
		"auth-provider": fields{"name": text1, "config": mapOf{text1}},
		"exec": fields{
			"command": text1, "args": list{text1}, "env": list{fields{"name": text1, "value": text1}}, "apiVersion": text1,
			"installHint": text1, "provideClusterInfo": truth, "interactiveMode": text1,
		},
		"extensions": extensions(),
	}
}
