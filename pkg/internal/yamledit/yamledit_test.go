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

const lines = `# top
a: 1 # one
list:
# first
- name: x   # the x
  is: {deep: [1, 2]}
-   is: 'y'
    name: y
  # behind y
z:   "q"
# end
`

const flows = `{"a":1,"list": [ {"name": "x", "is": 1}, # c
  {"name":"y"} ], "z": {}}
`

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
		"nothing": {
			text:   lines,
			change: func(map[string]any) {},
			want:   lines,
		},
		"a scalar": {
			text:   lines,
			change: set("a", "two"),
			want:   strings.Replace(lines, "a: 1", "a: two", 1),
		},
		"a quoted scalar": {
			text:   lines,
			change: set("z", "yes"),
			want:   strings.Replace(lines, `"q"`, `"yes"`, 1),
		},
		"several lines": {
			text:   "a: x # c\n",
			change: set("a", "1\n2\n"),
			want:   "a: | # c\n  1\n  2\n",
		},
		"a new scalar": {
			text:   lines,
			change: set("b", true),
			want:   strings.Replace(lines, "\n# end", "\nb: true\n# end", 1),
		},
		"sorted, lists first": {
			text:   "x: 1\n",
			change: func(v map[string]any) { v["c"], v["b"], v["d"] = 1, 2, []any{3} },
			want:   "x: 1\nd:\n  - 3\nb: 2\nc: 1\n",
		},
		"a removed key": {
			text:   lines,
			change: func(v map[string]any) { delete(v, "z") },
			want:   strings.Replace(lines, "\nz:   \"q\"", "", 1),
		},
		"the first key": {
			text:   "a: 1\nb: 2\n",
			change: func(v map[string]any) { delete(v, "a") },
			want:   "b: 2\n",
		},
		"removed and added": {
			text:   "a: 1\nb: 2\n",
			change: func(v map[string]any) { delete(v, "b"); v["c"] = 3 },
			want:   "a: 1\nc: 3\n",
		},
		"a key of an item": {
			text:   lines,
			change: func(v map[string]any) { item(v, 0)["new"] = 1 },
			want:   strings.Replace(lines, "2]}\n", "2]}\n  new: 1\n", 1),
		},
		"inside an item": {
			text:   lines,
			change: func(v map[string]any) { item(v, 1)["is"] = "why" },
			want:   strings.Replace(lines, "'y'", "why", 1),
		},
		"inside brackets": {
			text:   "a: {b: 1,  c: 2} # x\n",
			change: func(v map[string]any) { v["a"].(map[string]any)["b"] = 3 },
			want:   "a: {b: 3,  c: 2} # x\n",
		},
		"an added item": {
			text:   lines,
			change: func(v map[string]any) { v["list"] = append(v["list"].([]any), "s") },
			want:   strings.Replace(lines, "behind y\n", "behind y\n- s\n", 1),
		},
		"the first item": {
			text:   lines,
			change: func(v map[string]any) { v["list"] = v["list"].([]any)[1:] },
			want:   strings.Replace(lines, "\n- name: x   # the x\n  is: {deep: [1, 2]}", "", 1),
		},
		"all items": {
			text:   "list: # c\n- name: x\n- name: y\nz: 1\n",
			change: set("list", nil),
			want:   "list: null # c\nz: 1\n",
		},
		"null to a list": {
			text:   "list: null # c\nz: 1\n",
			change: set("list", list(nil, "x")),
			want:   "list: # c\n- is: null\n  name: x\nz: 1\n",
		},
		"nothing to a list": {
			text:   "list: # c\n  # d\nz: 1\n",
			change: set("list", list(nil, "x")),
			want:   "list: #was nothing # c\n  # d\n- is: null\n  name: x\nz: 1\n",
		},
		"an empty list": {
			text:   "'list':   [ ] # c\n",
			change: set("list", []any{1}),
			want:   "'list':   [1 ] # c\n",
		},
		"an empty mapping": {
			text:   "m: {} # c\n",
			change: set("m", map[string]any{"k": 1}),
			want:   "m: # c\n  k: 1\n",
		},
		"to an empty mapping": {
			text:   "m: {k: 1} # c\n",
			change: set("m", map[string]any{}),
			want:   "m: {} # c\n",
		},
		"other items": {
			text:   "list:\n- name: x\n- name: y\n",
			change: set("list", list(nil, "z")),
			want:   "list:\n- is: null\n  name: z\n",
		},
		"scalars in a list": {
			text:   "list: [a, b] # c\n",
			change: set("list", []any{"a"}),
			want:   "list: # c\n- a\n",
		},
		"flow, an added key": {
			text:   flows,
			change: set("b", 2),
			want:   strings.Replace(flows, "{}}", `{}, "b": 2}`, 1),
		},
		"flow, a removed key": {
			text:   flows,
			change: func(v map[string]any) { delete(v, "a") },
			want:   strings.Replace(flows, `"a":1,`, "", 1),
		},
		"flow, the last key": {
			text:   flows,
			change: func(v map[string]any) { delete(v, "z") },
			want:   strings.Replace(flows, `, "z": {}`, "", 1),
		},
		"flow, the first item": {
			text:   flows,
			change: func(v map[string]any) { v["list"] = v["list"].([]any)[1:] },
			want:   strings.Replace(flows, "{\"name\": \"x\", \"is\": 1}, # c\n  ", "", 1),
		},
		"flow, all items": {
			text:   flows,
			change: set("list", []any{}),
			want:   strings.Replace(flows, "{\"name\": \"x\", \"is\": 1}, # c\n  {\"name\":\"y\"}", "", 1),
		},
		"flow, all keys": {
			text:   `{"a": 1} # c` + "\n",
			change: func(v map[string]any) { delete(v, "a"); v["b"] = 1 },
			want:   `{"b":1} # c` + "\n",
		},
		"comments after dashes": {
			text:   "list:\n- # 1 -\n  # 2\n  name: x # 3\n-\n  # 4\n  name: y\n  # 5\n# 6\n",
			change: set("list", []any{map[string]any{"name": "y"}, map[string]any{"name": "z"}}),
			want:   "list:\n-\n  # 4\n  name: y\n  # 5\n- name: z\n# 6\n",
		},
		"dashes after dashes": {
			text:   "a: 1\nlist:\n  - - 1\n    - 2 # c\n",
			change: set("list", []any{[]any{1, 2}, 3}),
			want:   "a: 1\nlist:\n  - - 1\n    - 2 # c\n  - 3\n",
		},
		"an empty root": {
			text:   "{} # c\n",
			change: set("b", []any{1}),
			want:   `{"b":     [1]} # c` + "\n",
		},
		"an alias": {
			text:   "x: &x {k: 1}\na: *x # c\n",
			change: func(v map[string]any) { v["a"].(map[string]any)["k"] = 2 },
			want:   "x: &x {k: 1}\na: # c\n  k: 2\n",
		},
		"a merged key": {
			text:   "x: &x {k: 1}\na:\n  <<: *x\n",
			change: func(v map[string]any) { v["a"].(map[string]any)["k"] = 2 },
			want:   "x: &x {k: 1}\na:\n  <<: *x\n  k: 2\n",
		},

		"an anchor": {
			text:   "x: &x {k: 1}\na: *x\n",
			change: func(v map[string]any) { v["x"].(map[string]any)["k"] = 2 },
		},
		"an alias of a list": {
			text:   "x: &x [1]\nlist: *x\n",
			change: set("list", []any{1, 2}),
		},
		"a merged list": {
			text:   "x: &x {list: [1]}\n<<: *x\n",
			change: set("list", []any{1, 2}),
		},
		"a key that is null": {
			text:   "{~: a}\n",
			change: set("list", []any{1, 2}),
		},
		"a merged key's removal": {
			text:   "x: &x {k: 1}\na:\n  l: 1\n  <<: *x\n",
			change: func(v map[string]any) { delete(v["a"].(map[string]any), "k") },
		},
		"an alias as item": {
			text:   "x: &x {name: x, k: 1}\nlist:\n- *x\n- name: y\n",
			change: func(v map[string]any) { item(v, 0)["k"] = 2 },
		},
		"a key beside the dash": {
			text:   "list:\n- k: 1\n  name: x\n",
			change: func(v map[string]any) { delete(item(v, 0), "k") },
		},
		"all keys in lines": {
			text:   "a: 1\n",
			change: func(v map[string]any) { delete(v, "a"); v["b"] = 1 },
		},
		"not a number": {
			text:   "a: .nan\n",
			change: set("b", 1),
		},
		"not a plain value": {
			text:   "a: 1\n",
			change: set("b", struct{ C int }{1}),
		},
		"no JSON": {
			text:   "{a: 1}\n",
			change: set("b", func() {}),
		},
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
	tests := map[string]struct {
		text []byte
		want string
	}{
		"missing":       {nil, "a: 1\n"},
		"nothing":       {[]byte(""), "#was nothing\na: 1\n"},
		"a comment":     {[]byte("# c"), "# c #was nothing\na: 1\n"},
		"brackets":      {[]byte(" {}\n"), " #was {}\n#was above\na: 1\n"},
		"null":          {[]byte("null # c"), "#was null # c #was above\na: 1\n"},
		"a mark":        {[]byte("---\n"), "---\n#was nothing\na: 1\n"},
		"another value": {[]byte("b: 2\n"), "b: 2\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d, err := Parse(test.text, "a: 1\n")
			if err != nil {
				t.Fatal(err)
			}
			if string(d.text) != test.want {
				t.Errorf("got %q; want %q", d.text, test.want)
			}
			if got, err := d.Apply(d.Value()); err != nil || test.text != nil && string(got) != string(test.text) {
				t.Errorf("without additions: got %q, %v; want %q", got, err, test.text)
			}
		})
	}
	if _, err := Parse(nil, ""); err == nil {
		t.Error("got no error for an empty text")
	}
}
