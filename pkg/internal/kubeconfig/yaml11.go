package kubeconfig

import (
	"encoding/base64"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kubectl reads a kubeconfig as YAML 1.1 (by way of go.yaml.in/yaml/v2), in which a word without quotes is a truth
// value or a number more often than in YAML 1.2: yes, off, n, 1_000, 0b1. These functions say what it reads.

// kind is the type of a value.
type kind string

const (
	kindNull    kind = "nothing"
	kindText    kind = "text"
	kindTruth   kind = "a truth value"
	kindInteger kind = "a number"
	kindNumber  kind = "a number with a fraction"
	kindNoJSON  kind = "a number that JSON doesn't have" // .inf and .nan
	kindList    kind = "a list"
	kindMapping kind = "a mapping"
	kindInvalid kind = "not what its tag says"
)

// kindOf returns the type of a value, and the value that kubectl reads if it is a scalar.
func kindOf(n *yaml.Node) (kind, string) {
	switch n.Kind {
	case yaml.AliasNode:
		return kindOf(n.Alias)
	case yaml.SequenceNode:
		return kindList, ""
	case yaml.MappingNode:
		return kindMapping, ""
	}
	isTagged := n.Style&yaml.TaggedStyle != 0
	quoted := yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	switch {
	case n.Style&quoted != 0 && !isTagged:
		return kindText, n.Value
	case isTagged:
		return taggedKind(n.ShortTag(), n.Value)
	}
	return plainKind(n.Value), n.Value
}

// taggedKind returns the type of a value with a tag.
func taggedKind(tag, value string) (kind, string) {
	found := plainKind(value)
	switch tag {
	case "!!null":
		if found != kindNull {
			return kindInvalid, ""
		}
	case "!!bool":
		if found != kindTruth {
			return kindInvalid, ""
		}
	case "!!int":
		if found != kindInteger {
			return kindInvalid, ""
		}
	case "!!float":
		if found == kindInteger {
			return kindNumber, value
		}
		if found != kindNumber && found != kindNoJSON {
			return kindInvalid, ""
		}
	case "!!timestamp":
		if !isTimestamp(value) {
			return kindInvalid, ""
		}
		return kindText, value
	case "!!binary":
		text, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return kindInvalid, ""
		}
		return kindText, string(text)
	default:
		return kindText, value
	}
	return found, value
}

// plainKind returns the type of a value without quotes.
func plainKind(text string) kind {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return kindNull
	case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON",
		"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return kindTruth
	case ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF":
		return kindNoJSON
	}
	switch {
	case text[0] == '.':
		return floatKind(text)
	case !strings.ContainsRune("+-0123456789", rune(text[0])), isTimestamp(text):
		return kindText
	}
	plain := strings.ReplaceAll(text, "_", "")
	if isInteger(plain) {
		return kindInteger
	}
	if regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`).MatchString(plain) {
		return floatKind(plain)
	}
	return kindText
}

// isInteger reports whether a text is a number in one of Go's or YAML's notations.
func isInteger(text string) bool {
	if _, err := strconv.ParseInt(text, 0, 64); err == nil {
		return true
	}
	_, err := strconv.ParseUint(text, 0, 64)
	return err == nil
}

// isUnsigned reports whether a number is an integer that only fits an unsigned type, which isn't one of JSON's keys.
func isUnsigned(text string) bool {
	plain := strings.ReplaceAll(text, "_", "")
	_, err := strconv.ParseInt(plain, 0, 64)
	_, unsignedErr := strconv.ParseUint(plain, 0, 64)
	return err != nil && unsignedErr == nil
}

// floatKind returns the type of what may be a number with a fraction. One without is written as an integer in JSON.
func floatKind(text string) kind {
	number, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil:
		return kindText
	case math.IsInf(number, 0) || math.IsNaN(number):
		return kindNoJSON
	case number == math.Trunc(number) && math.Abs(number) < 1e21:
		return kindInteger
	}
	return kindNumber
}

// isTimestamp reports whether a text starts as a date does: YAML 1.1 has a type for those, which kubectl reads as text.
func isTimestamp(text string) bool {
	return regexp.MustCompile(`^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?$`).MatchString(text)
}

// pair is a key and its value.
type pair struct {
	key   string
	value *yaml.Node
}

// pairsOf returns a mapping's pairs as kubectl reads them: of a key that stands twice, the last. ok is false if it has
// a key that JSON can't have.
func pairsOf(n *yaml.Node) (pairs []pair, ok bool) {
	return mergedPairs(n, 0)
}

// maxMerges bounds how deep mappings are merged into each other.
const maxMerges = 100

func mergedPairs(n *yaml.Node, depth int) (pairs []pair, ok bool) {
	n = resolved(n)
	ok = depth < maxMerges && n.Kind == yaml.MappingNode
	set := func(p pair) {
		pairs = append(slices.DeleteFunc(pairs, func(old pair) bool { return old.key == p.key }), p)
	}
	for i := 0; ok && i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.Value == "<<" && key.ShortTag() == "!!merge" {
			sources := []*yaml.Node{value}
			if value := resolved(value); value.Kind == yaml.SequenceNode {
				sources = slices.Clone(value.Content)
				slices.Reverse(sources)
			}
			for _, source := range sources {
				merged, isOK := mergedPairs(source, depth+1)
				ok = ok && isOK
				for _, p := range merged {
					set(p)
				}
			}
			continue
		}
		name, isKey := keyOf(key)
		ok = ok && isKey
		set(pair{name, value})
	}
	return pairs, ok
}

// keyOf returns a key as JSON has it.
func keyOf(key *yaml.Node) (name string, ok bool) {
	found, value := kindOf(key)
	switch found {
	case kindText:
		return value, true
	case kindTruth:
		isTrue := strings.ContainsRune("yYtT", rune(value[0])) || strings.EqualFold(value, "on")
		return strconv.FormatBool(isTrue), true
	case kindInteger, kindNumber, kindNoJSON:
		return value, !isUnsigned(value) // no name of a field
	}
	return "", false
}

func resolved(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}
