package kubeconfig

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whatever a file holds, saving a cluster and removing it again leaves every byte as it was, or is refused.
func FuzzSaveRemove(f *testing.F) {
	for _, text := range kubeconfigs {
		f.Add([]byte(text))
	}
	lists := []string{"", "KEY: []", "KEY: [ # ours\n  ]", "KEY: ~", "KEY:", "KEY: null # ours", `"KEY": null`,
		"KEY:\n  []"}
	currents := []string{"", "KEY: ''", `KEY: ""`, "KEY: ~", "KEY:", "KEY: null # ours"}
	for i, list := range lists {
		for j, current := range currents {
			text := strings.ReplaceAll(list, "KEY", clustersList) + "\n" +
				strings.ReplaceAll(lists[(i+j)%len(lists)], "KEY", usersList) + "\n" +
				strings.ReplaceAll(current, "KEY", "current-context") + "\n"
			f.Add([]byte(text))
			f.Add([]byte("kind: Config\n" + text + "# the end"))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if text == nil {
			text = []byte{} // a file that exists
		}
		before, err := parse(text)
		if err != nil {
			return
		}
		old := &Config{main: &file{text: before}}
		if old.merge(old.main) != nil || isFull(old) || save(newEntry("fuzz", firstID))(old) != nil {
			return
		}
		if old.CurrentContext == "" {
			old.SetCurrentContext("do-fra1-fuzz")
		}
		with, err := old.main.newText()
		if err != nil {
			return
		}
		document, err := parse(with)
		if err != nil {
			t.Fatalf("%v in\n%s", err, with)
		}
		all := &Config{main: &file{text: document}}
		if err := all.merge(all.main); err != nil {
			t.Fatalf("%v in\n%s", err, with)
		}
		if err := remove(firstID)(all); err != nil {
			t.Fatalf("%v in\n%s", err, with)
		}
		after, err := all.main.newText()
		if err != nil {
			t.Fatalf("%v in\n%s", err, with)
		}
		if diff := cmp.Diff(string(text), string(after)); diff != "" {
			t.Errorf("want -, got +\n%s\nwith %q", diff, with)
		}
	})
}

// isFull reports whether a kubeconfig has something of the cluster already, or of its name.
func isFull(c *Config) bool {
	ids := c.ClusterIDs()
	return slices.Contains(ids, firstID) || c.Cluster("do-fra1-fuzz") != nil || c.Context("do-fra1-fuzz") != nil ||
		c.User("do-fra1-fuzz-admin") != nil || c.CurrentContext == "do-fra1-fuzz" ||
		slices.ContainsFunc(c.Contexts, func(e Context) bool {
			return e.Cluster == "do-fra1-fuzz" ||
				e.User == "do-fra1-fuzz-admin"
		})
}
