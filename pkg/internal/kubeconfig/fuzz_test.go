package kubeconfig

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/internal/yamledit"
)

// Whatever a file holds, saving a cluster and removing it again leaves its value as it was, or is
// refused.
func FuzzSaveRemove(f *testing.F) {
	for _, text := range kubeconfigs {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		before, err := yamledit.Parse(text, emptyText)
		if err != nil {
			return
		}
		old := &Config{main: &file{text: before}}
		if old.merge(old.main) != nil || len(old.ContextsOf(firstID)) > 0 || save(newEntry("fuzz", firstID))(old) != nil {
			return
		}
		with, err := old.main.newText()
		if err != nil {
			return
		}
		document, err := yamledit.Parse(with, emptyText)
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
		again, err := yamledit.Parse(after, emptyText)
		if err != nil {
			t.Fatalf("%v in\n%s", err, after)
		}
		was, is := before.Value(), again.Value()
		for _, list := range []string{clustersList, contextsList, usersList} {
			for _, value := range []map[string]any{was, is} {
				if items, _ := value[list].([]any); len(items) == 0 {
					delete(value, list) // null, [] and nothing are the same
				}
			}
		}
		if diff := cmp.Diff(was, is); diff != "" {
			t.Error(diff)
		}
	})
}
