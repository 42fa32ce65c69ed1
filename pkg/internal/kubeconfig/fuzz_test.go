package kubeconfig

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whatever a file holds, saving a cluster and removing it again leaves what it means as it was, or is
// refused.
func FuzzSaveRemove(f *testing.F) {
	for _, text := range kubeconfigs {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before, err := parse(text)
		if err != nil {
			return
		}
		old := &Config{main: &file{document: before}}
		if old.merge(old.main) != nil || len(old.ContextsOf(firstID)) > 0 || save(newEntry("fuzz", firstID))(old) != nil {
			return
		}
		with, err := before.apply()
		if err != nil {
			return
		}
		if before, err = parse(text); err != nil {
			t.Fatal(err)
		}
		c, err := parse(with)
		if err != nil {
			t.Fatalf("%v in\n%s", err, with)
		}
		all := &Config{main: &file{document: c}}
		if err := all.merge(all.main); err != nil {
			t.Fatalf("%v in\n%s", err, with)
		}
		if err := remove(firstID)(all); err != nil {
			t.Fatalf("%v in\n%s", err, with)
		}
		after, err := c.apply()
		if err != nil {
			t.Fatalf("%v in\n%s", err, with)
		}
		again, err := parse(after)
		if err != nil {
			t.Fatalf("%v in\n%s", err, after)
		}
		for _, list := range []string{clustersList, contextsList, usersList} {
			for _, meaning := range []map[string]any{before.meaning, again.meaning} {
				if items, _ := meaning[list].([]any); len(items) == 0 {
					delete(meaning, list) // null, [] and nothing are the same
				}
			}
		}
		if diff := cmp.Diff(before.meaning, again.meaning); diff != "" {
			t.Error(diff)
		}
	})
}
