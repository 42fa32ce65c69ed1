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

// Text from elsewhere must not control the terminal that it is printed on: names may contain escape sequences,
// and characters that hide or reorder the text around them. In JSON and YAML these are escaped, and programs
// that parse the output get the original text.

// escapeJSON escapes unprintable characters in a JSON text, without changing its value. JSON is ASCII outside
// of strings, and in them encoding/json has already escaped control characters below the space.
func escapeJSON(text []byte) []byte {
	return escape(text, func(out []byte, r rune) []byte {
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			return fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
		return fmt.Appendf(out, `\u%04x`, r)
	})
}

// escape replaces characters that are neither printable nor a newline. It takes bytes that aren't UTF-8 for
// U+FFFD.
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

// toYAML converts a JSON text to YAML. A string with escapes or unprintable characters becomes a double-quoted
// scalar with escapes. The YAML library doesn't escape such characters, so toYAML gives it a placeholder for
// each such string, and replaces the placeholders in its output. Field names are ours, and need no escapes.
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
	if err := yaml.Unmarshal(marked, &value); err != nil { // JSON is YAML, and its numbers stay as they are
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
