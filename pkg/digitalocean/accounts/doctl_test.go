package accounts

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// doctlFile returns a configuration as doctl 1 writes it, with each command's flags nested.
func doctlFile() string {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, "aa-%d:\n  list:\n    format: \"\"\n    no-header: false\n    tags: []\n"+
			"  get:\n    format: ID,Name\n", i)
	}
	text.WriteString("access-token: dop_v1_first\napi-url: \"\"\n" +
		"auth-contexts:\n  work: dop_v1_second\n  home: dop_v1_third\ncontext: work\n")
	text.WriteString("compute:\n  droplet:\n    create:\n      image: \"\"\noutput: text\ntrace: false\n")
	return text.String()
}

func TestCutDoctlConfig(t *testing.T) {
	const want = "access-token: dop_v1_first\napi-url: \"\"\n" +
		"auth-contexts:\n  work: dop_v1_second\n  home: dop_v1_third\ncontext: work\n"
	if got := string(cutDoctlConfig([]byte(doctlFile()), doctlKeys)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	// If a line is ambiguous, the whole file is parsed.
	for _, line := range []string{
		"x: 'a", "x: \"a", "x: {a: 1,", "x: [", "]", "x: |", "x: >-", "x: &a b", "x: *a", "<<: *a",
		"x: a # b", "# x", "---", "...", "", " ", "\tx: 1", "x:\ty", "X: 1", "x y: 1", "x:1", "- x", "? x",
		"%YAML 1.1", "x: \\", "\"x\": 1", "x: \u0085", "x: é", "x: 1\r", "\ufeffx: 1",
	} {
		text := line + "\naccess-token: a\n"
		if got := string(cutDoctlConfig([]byte(text), doctlKeys)); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	if got := string(cutDoctlConfig([]byte(" access-token: a\n"), doctlKeys)); got != " access-token: a\n" {
		t.Errorf("an indented file: got %q, want all of it", got)
	}
}

// If a file parses, what cutDoctlConfig keeps has the same values.
func FuzzCutDoctlConfig(f *testing.F) {
	for _, seed := range []string{
		doctlFile(), "", "access-token: a\n", "x: {a: [b]}\ncontext: \"c d\"\n",
		"x:\n- a\ncontext: b\n", "context:\n  a\n  b\nx: y\n",
		"auth-contexts: {a: b}\n", "auth-contexts:\n  my:\n    company: t\n",
		"x: \"a\ncontext: b\"\n", "context: a\ncontext: b\n", " x: 1\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var whole, cut doctlConfig
		if yaml.Unmarshal([]byte(text), &whole) != nil {
			return // the cut may still parse, but doctl writes no such file
		}
		if err := yaml.Unmarshal(cutDoctlConfig([]byte(text), doctlKeys), &cut); err != nil || !reflect.DeepEqual(whole, cut) {
			t.Errorf("%q: got %+v, %v; want %+v", text, cut, err, whole)
		}
	})
}
