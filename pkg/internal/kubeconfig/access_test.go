package kubeconfig

import (
	"path/filepath"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/internal/fileowner/fileownertest"
)

// Who may read a kubeconfig may still read it after an edit, and nobody else. A new one is private.
func TestAccessStays(t *testing.T) {
	tests := map[string]struct {
		prepare func(path string) error
		private bool
	}{
		"shared":  {fileownertest.LetOthersRead, false},
		"private": {fileownertest.KeepPrivate, true},
		"new":     {nil, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config")
			if test.prepare != nil {
				if err := test.prepare(write(t, path, emptyText)); err != nil {
					t.Fatal(err)
				}
			}
			if err := Edit(t.Context(), []string{path}, save(newEntry("first", firstID))); err != nil {
				t.Fatal(err)
			}
			if err := fileownertest.CheckPrivate(path); (err == nil) != test.private {
				t.Errorf("got %v, want it private: %t", err, test.private)
			}
		})
	}
}
