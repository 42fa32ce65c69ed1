package yamledit

import "testing"

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
