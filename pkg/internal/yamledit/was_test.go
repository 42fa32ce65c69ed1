package yamledit

import (
	"slices"
	"strings"
	"testing"
)

// empties are texts in which a list and a text are nothing, in all ways.
func empties() []string {
	forms := []string{"", "KEY:", "KEY: null", "KEY:  null", "KEY: null # c", "KEY:\t~", "KEY: ~  # c", "KEY: Null",
		"KEY: NULL",
		"KEY: # c", "KEY:   ", "KEY:\n  null", "KEY:\n  # c\n  ~ # d", "KEY:\n# c", "KEY: # c\n  # d", "'KEY': null"}
	lists := append([]string{"KEY: []", "KEY: [ ]", "KEY: []  # c", "KEY: [ # c\n  ]", "KEY: [# c\n]", "KEY: [\n\n]",
		"KEY:\n  []"}, forms...)
	texts := append([]string{`KEY: ""`, `KEY:   ""  # c`, "KEY: ''", "KEY:\n  ''", "KEY:  '' # c"}, forms...)
	flows := []string{"", `"KEY":null`, `"KEY": null`, `"KEY" : ~`, `KEY: Null`, "KEY: NULL", "KEY:\n null", "KEY: ",
		"KEY:  null", `"KEY":   ~`, "KEY:\t null", "KEY:     "}
	var all []string
	befores := []string{"a: 1\n", "", "# c\n---\na: {}\n\n", "a:\n- 1\n  # deeper\n\n"}
	ends := []string{"z: 1\n# end\n", "# end", ""}
	for i, list := range lists {
		for j, text := range texts {
			parts := []string{strings.ReplaceAll(list, "KEY", "list"), strings.ReplaceAll(text, "KEY", "text"), ends[(i+j)%3]}
			parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
			all = append(all, befores[(i+j)%4]+strings.Join(parts, "\n"))
		}
	}
	for _, list := range append([]string{`"KEY":[]`, `KEY: [ ]`, "KEY: [# c\n]", `"KEY":  []`, "KEY:    [ ]"}, flows...) {
		for _, text := range append([]string{`"KEY":""`, `KEY: ''`, `"KEY": "" `, `KEY:  ''`, `"KEY":   ""`}, flows...) {
			for _, form := range []string{"{LIST,TEXT}", `{ "a": 1, LIST, TEXT }`, "{LIST,\n TEXT,\n \"z\":{}\n}\n"} {
				form = strings.NewReplacer("LIST", strings.ReplaceAll(list, "KEY", "list"),
					"TEXT", strings.ReplaceAll(text, "KEY", "text")).Replace(form)
				if list != "" && text != "" {
					all = append(all, form)
				}
			}
		}
	}
	return append(all, "{}", "{ }\n", "{ # c\n}", "", "# c", "# c\n", "---", "--- # c\n", "---\n{}\n", "null",
		"~ # c\n", "--- {}", "# a\n#was ~ b\n", "#was null\n", "---\n#was {}\n", "# #was {\n{}\n", "{} #was ~ x\n",
		"null #was {}\n", "#was nothing\n", "{} #was nothing\n", "#was above\n", "{}#was above",
		`{"a":1}`, "{a: 1}", "{\"text\": \"\"}\n", `{"list":null}`, `{"list":[],}`)
}

// What was added and is removed again leaves no trace, whatever stood there before, and however nothing is written.
func TestAdditionsLeaveNoTrace(t *testing.T) {
	const empty = "list: null\ntext: \"\"\n"
	tried := 0
	for _, text := range empties() {
		for _, ends := range []string{"\n", "\r\n"} {
			for _, name := range []string{"plain", "12", "it's", `"`, "@"} {
				text := strings.ReplaceAll(text, "\n", ends)
				d, err := Parse([]byte(text), empty)
				if err != nil {
					continue
				}
				tried++
				value := d.Value()
				value["list"], value["text"] = list(nil, "x", "y"), name
				with, err := d.Apply(value)
				if err != nil {
					t.Errorf("%q: %v", text, err)
					continue
				}
				if got, want := strings.Count(string(with), "\t"), strings.Count(text, "\t"); got > want {
					t.Errorf("%q: got %q; want no tab in it, which not every parser takes", text, with)
				}
				if d, err = Parse(with, empty); err != nil {
					t.Fatalf("%q: %v", with, err)
				}
				for _, left := range [][]any{list(nil, "y"), {}} {
					value["list"] = left
					if len(left) == 0 {
						value["text"] = ""
					}
					after, err := d.Apply(value)
					if err != nil {
						t.Fatalf("%q with %q: %v", text, with, err)
					}
					if d, err = Parse(after, empty); err != nil {
						t.Fatalf("%q: %v", after, err)
					}
					if len(left) == 0 && string(after) != text {
						t.Errorf("with %q got %q; want %q", with, after, text)
					}
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("tried %d texts; want more", tried)
	}
}
