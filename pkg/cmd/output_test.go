package cmd

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// FuzzOutput checks that the output contains only printable characters and newlines, and parses to the original
// text.
func FuzzOutput(f *testing.F) {
	for _, text := range []string{
		"plain", "", "a\u009b31mred", "\x1b]0;title\a", "a\u202eb\u2066c", "\u200b\ufeff",
		"\u2028\u2029\u0085",
		"\U000e0001\U000f0000\U0010ffff", "\ue000\ufffe", "Größe 東京 😀", "\ufffd", "\xff\xfe\x80", "a\x00b", "\x7f",
		"\t\r\n", "\n", " ", "\u00a0",
		`\u202e`, "\\\u202e", "\\\\\u202e\\", `"`, "\"\u202e\"", `'`,
		": # -", "- a", "|", "yes", "null", "~", "1e3", "0x10", "2026-01-02",
		"escaped-0.", "\u202eescaped-0.", "escaped--1.", "<&>", "a\nb\u202e\n", strings.Repeat("long ", 100) + "\u202e",
	} {
		f.Add(text, "escaped-")
		f.Add("\u202e", text)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		value := map[string]any{"a": a, "b": []any{b, nil, a}, "c": map[string]string{"d": b}}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var want any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{formatJSON, formatYAML} {
			out, err := (&output{format: format}).render(value, func(io.Writer) {})
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			for _, r := range string(out) {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Errorf("%s: got %U in %q; want it escaped", format, r, string(out))
				}
			}
			var got any
			parse := json.Unmarshal
			if format == formatYAML {
				parse = func(text []byte, v any) error { return yaml.Unmarshal(text, v) }
			}
			err = parse(out, &got)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s: %v of %q; want -, got +: %s", format, err, string(out), diff)
			}
		}
	})
}

// A template's result is exactly what the API returned, without escapes.
func TestTemplateChangesNothing(t *testing.T) {
	const want = "a\u009b\u202eb\n"
	o := &output{allowed: []string{formatJSONPath}}
	if err := o.Set("jsonpath={.token}"); err != nil {
		t.Fatal(err)
	}
	if out, err := o.render(map[string]string{"token": want}, nil); err != nil || string(out) != want {
		t.Errorf("got %q, %v; want %q", string(out), err, want)
	}
}

// Text that needs no escapes is plain YAML.
func TestPlainYAML(t *testing.T) {
	value := []map[string]any{{"name": "Größe.1", "contexts": []string{}, "cached": true, "version": "1.37"}}
	const want = "- cached: true\n  contexts: []\n  name: Größe.1\n  version: \"1.37\"\n"
	if out, err := (&output{format: formatYAML}).render(value, nil); err != nil || string(out) != want {
		t.Errorf("got %q, %v; want %q", string(out), err, want)
	}
}
