package cmd

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// What comes from elsewhere must not control the terminal that it is printed on: names may hold escape
// sequences, and characters that hide or reorder what is around them. In JSON and YAML they are
// escaped, and programs read what they were.

// escapeJSON escapes what isn't printable in a JSON text; its meaning stays. Outside of its strings JSON is
// ASCII, and in them encoding/json has escaped what is below the space.
func escapeJSON(text []byte) []byte {
	return escape(text, func(out []byte, r rune) []byte {
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
		return fmt.Appendf(out, `\u%04x`, r)
	})
}

// escape replaces what is neither printable nor a line break; bytes that aren't UTF-8 are U+FFFD.
func escape(text []byte, replace func(out []byte, r rune) []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == '\n' || unicode.IsPrint(r) && (r != utf8.RuneError || size > 1) {
			out = append(out, text[:size]...)
		} else {
			out = replace(out, r)
		}
		text = text[size:]
	}
	return out
}

// jsonString matches a string in a JSON text.
const jsonString = `"(?:[^"\\]|\\.)*"`

// toYAML converts a JSON text. A string that has escapes there, or something that isn't printable, becomes a
// double-quoted scalar with the same escapes. The YAML library writes such a character as it is, so what it
// converts has a mark in the string's place. Names of fields are ours, and need none of it.
func toYAML(text []byte) ([]byte, error) {
	mark := "escaped-"
	for bytes.Contains(text, []byte(mark)) {
		mark += "-"
	}
	var scalars [][]byte
	marked := regexp.MustCompile(jsonString).ReplaceAllFunc(text, func(s []byte) []byte {
		scalar := escape(s, func(out []byte, r rune) []byte { return fmt.Appendf(out, `\U%08x`, r) })
		if bytes.Equal(scalar, s) && !bytes.ContainsRune(s, '\\') {
			return s
		}
		scalars = append(scalars, scalar)
		return fmt.Appendf(nil, `"%s%d."`, mark, len(scalars)-1)
	})
	var value any
	if err := yaml.Unmarshal(marked, &value); err != nil { // JSON is YAML, and here its numbers stay as they are
		return nil, err
	}
	var converted bytes.Buffer
	encoder := yaml.NewEncoder(&converted)
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return regexp.MustCompile(mark+`[0-9]+\.`).ReplaceAllFunc(converted.Bytes(), func(s []byte) []byte {
		i, _ := strconv.Atoi(string(s[len(mark) : len(s)-1])) // as it was written above
		return scalars[i]
	}), nil
}
