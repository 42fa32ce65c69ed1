package yamledit

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// list returns a list of mappings that have a name and another key.
func list(values map[string]any, names ...string) []any {
	var items []any
	for _, name := range names {
		items = append(items, map[string]any{"name": name, "is": values[name]})
	}
	return items
}

const (
	lines = "# top\na: 1 # one\nlist:\n# first\n- name: x   # the x\n  is: {deep: [1, 2]}\n-   is: 'y'\n    name: y\n  # behind y\nz:   \"q\"\n# end\n"
	flows = "{\"a\":1,\"list\": [ {\"name\": \"x\", \"is\": 1}, # c\n  {\"name\":\"y\"} ], \"z\": {}}\n"
)

// What isn't changed stays byte for byte, in each form and with both ends of lines.
func TestApply(t *testing.T) {
	set := func(key string, value any) func(map[string]any) {
		return func(v map[string]any) { v[key] = value }
	}
	item := func(v map[string]any, i int) map[string]any { return v["list"].([]any)[i].(map[string]any) }
	tests := map[string]struct {
		text   string
		change func(map[string]any)
		want   string // "" means that it is refused
	}{
		"nothing":              {lines, func(map[string]any) {}, lines},
		"a scalar":             {lines, set("a", "two"), strings.Replace(lines, "a: 1", "a: two", 1)},
		"a quoted scalar":      {lines, set("z", "yes"), strings.Replace(lines, `"q"`, `"yes"`, 1)},
		"several lines":        {"a: x # c\n", set("a", "1\n2\n"), "a: | # c\n  1\n  2\n"},
		"a new scalar":         {lines, set("b", true), strings.Replace(lines, "\n# end", "\nb: true\n# end", 1)},
		"sorted, lists first":  {"x: 1\n", func(v map[string]any) { v["c"], v["b"], v["d"] = 1, 2, []any{3} }, "x: 1\nd:\n- 3\nb: 2\nc: 1\n"},
		"a removed key":        {lines, func(v map[string]any) { delete(v, "z") }, strings.Replace(lines, "\nz:   \"q\"", "", 1)},
		"the first key":        {"a: 1\nb: 2\n", func(v map[string]any) { delete(v, "a") }, "b: 2\n"},
		"removed and added":    {"a: 1\nb: 2\n", func(v map[string]any) { delete(v, "b"); v["c"] = 3 }, "a: 1\nc: 3\n"},
		"a key of an item":     {lines, func(v map[string]any) { item(v, 0)["new"] = 1 }, strings.Replace(lines, "2]}\n", "2]}\n  new: 1\n", 1)},
		"inside an item":       {lines, func(v map[string]any) { item(v, 1)["is"] = "why" }, strings.Replace(lines, "'y'", "why", 1)},
		"inside brackets":      {"a: {b: 1,  c: 2} # x\n", func(v map[string]any) { v["a"].(map[string]any)["b"] = 3 }, "a: {b: 3,  c: 2} # x\n"},
		"an added item":        {lines, func(v map[string]any) { v["list"] = append(v["list"].([]any), "s") }, strings.Replace(lines, "behind y\n", "behind y\n- s\n", 1)},
		"the first item":       {lines, func(v map[string]any) { v["list"] = v["list"].([]any)[1:] }, strings.Replace(lines, "\n- name: x   # the x\n  is: {deep: [1, 2]}", "", 1)},
		"all items":            {"list: # c\n- name: x\n- name: y\nz: 1\n", set("list", nil), "list: null # c\nz: 1\n"},
		"null to a list":       {"list: null # c\nz: 1\n", set("list", list(nil, "x")), "list: # c\n- is: null\n  name: x\nz: 1\n"},
		"nothing to a list":    {"list: # c\n  # d\nz: 1\n", set("list", list(nil, "x")), "list: # c\n- is: null\n  name: x\n  # d\nz: 1\n"},
		"an empty list":        {"'list':   [ ] # c\n", set("list", []any{1}), "'list': # c\n- 1\n"},
		"an empty mapping":     {"m: {} # c\n", set("m", map[string]any{"k": 1}), "m: # c\n  k: 1\n"},
		"to an empty mapping":  {"m: {k: 1} # c\n", set("m", map[string]any{}), "m: {} # c\n"},
		"other items":          {"list:\n- name: x\n- name: y\n", set("list", list(nil, "z")), "list:\n- is: null\n  name: z\n"},
		"scalars in a list":    {"list: [a, b] # c\n", set("list", []any{"a"}), "list: # c\n- a\n"},
		"flow, an added key":   {flows, set("b", 2), strings.Replace(flows, "{}}", `{}, "b": 2}`, 1)},
		"flow, a removed key":  {flows, func(v map[string]any) { delete(v, "a") }, strings.Replace(flows, `"a":1,`, "", 1)},
		"flow, the last key":   {flows, func(v map[string]any) { delete(v, "z") }, strings.Replace(flows, `, "z": {}`, "", 1)},
		"flow, the first item": {flows, func(v map[string]any) { v["list"] = v["list"].([]any)[1:] }, strings.Replace(flows, "{\"name\": \"x\", \"is\": 1}, # c\n  ", "", 1)},
		"flow, all items":      {flows, set("list", []any{}), strings.Replace(flows, "{\"name\": \"x\", \"is\": 1}, # c\n  {\"name\":\"y\"}", "", 1)},
		"flow, all keys":       {`{"a": 1} # c` + "\n", func(v map[string]any) { delete(v, "a"); v["b"] = 1 }, `{"b":1} # c` + "\n"},
		"an empty root":        {"{} # c\n", set("b", []any{1}), `{"b":[1]} # c` + "\n"},
		"an alias":             {"x: &x {k: 1}\na: *x # c\n", func(v map[string]any) { v["a"].(map[string]any)["k"] = 2 }, "x: &x {k: 1}\na: # c\n  k: 2\n"},
		"a merged key":         {"x: &x {k: 1}\na:\n  <<: *x\n", func(v map[string]any) { v["a"].(map[string]any)["k"] = 2 }, "x: &x {k: 1}\na:\n  <<: *x\n  k: 2\n"},

		"an anchor":              {"x: &x {k: 1}\na: *x\n", func(v map[string]any) { v["x"].(map[string]any)["k"] = 2 }, ""},
		"a merged key's removal": {"x: &x {k: 1}\na:\n  l: 1\n  <<: *x\n", func(v map[string]any) { delete(v["a"].(map[string]any), "k") }, ""},
		"an alias as item":       {"x: &x {name: x, k: 1}\nlist:\n- *x\n- name: y\n", func(v map[string]any) { item(v, 0)["k"] = 2 }, ""},
		"a key beside the dash":  {"list:\n- k: 1\n  name: x\n", func(v map[string]any) { delete(item(v, 0), "k") }, ""},
		"all keys in lines":      {"a: 1\n", func(v map[string]any) { delete(v, "a"); v["b"] = 1 }, ""},
		"not a number":           {"a: .nan\n", set("b", 1), ""},
		"not a plain value":      {"a: 1\n", set("b", struct{ C int }{1}), ""},
		"no JSON":                {"{a: 1}\n", set("b", func() {}), ""},
	}
	for name, test := range tests {
		for _, ends := range []string{"\n", "\r\n"} {
			t.Run(fmt.Sprintf("%s %q", name, ends), func(t *testing.T) {
				d, err := Parse([]byte(strings.ReplaceAll(test.text, "\n", ends)), "")
				if err != nil {
					t.Fatal(err)
				}
				value := d.Value()
				test.change(value)
				got, err := d.Apply(value)
				if test.want == "" {
					if !errors.Is(err, ErrTooOdd) {
						t.Errorf("got %q, %v; want %v", got, err, ErrTooOdd)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(strings.ReplaceAll(test.want, "\n", ends), string(got)); diff != "" {
					t.Errorf("want -, got +\n%s", diff)
				}
			})
		}
	}
}

// The caller's value is its own.
func TestValueIsACopy(t *testing.T) {
	d, err := Parse([]byte("a: {b: [1]}\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	d.Value()["a"].(map[string]any)["b"].([]any)[0] = 2
	if diff := cmp.Diff(map[string]any{"a": map[string]any{"b": []any{1}}}, d.Value()); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
}

func TestParseCompletes(t *testing.T) {
	tests := map[string]struct{ text, empty, want string }{
		"nothing":       {"", "a: 1\n", "a: 1\n"},
		"a comment":     {"# c", "a: 1\n", "# c\na: 1\n"},
		"brackets":      {" {}\n", "a: 1\n", "a: 1\n"},
		"a mark":        {"---\n", "a: 1\n", "---\na: 1\n"},
		"another value": {"b: 2\n", "a: 1\n", "b: 2\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d, err := Parse([]byte(test.text), test.empty)
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.Apply(d.Value())
			if err != nil || string(got) != test.want {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
	if _, err := Parse(nil, ""); err == nil {
		t.Error("got no error for an empty text")
	}
}

// Whatever a text holds, what Apply returns has the value that was asked for, and the change can be undone.
func FuzzApply(f *testing.F) {
	for _, text := range []string{lines, flows, "x: &x {k: 1}\na: *x\nlist: null\n", "list: []\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse(text, "")
		if err != nil {
			return
		}
		value := d.Value()
		items, ok := value["list"].([]any)
		if !ok && value["list"] != nil {
			return
		}
		value["list"] = append(items, map[string]any{"name": "new"})
		with, err := d.Apply(value)
		if err != nil {
			return
		}
		changed, err := Parse(with, "")
		if err != nil || !changed.Says(value) {
			t.Fatalf("got %q, %v; want one that says %v", with, err, value)
		}
		value["list"] = items
		after, err := changed.Apply(value)
		if err != nil {
			t.Fatalf("undoing %q: %v", with, err)
		}
		if again, err := Parse(after, ""); err != nil || !again.Says(value) {
			t.Fatalf("got %q, %v; want one that says %v", after, err, value)
		}
	})
}
