package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/internal/fileowner/fileownertest"
)

// A list that others are in is to Windows what a mode is to Unix.
func TestDoctorChecksTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("dop_v1_test"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		set  func(path string) error
		want bool
	}{{fileownertest.KeepPrivate, false}, {fileownertest.LetOthersRead, true}} {
		if err := test.set(path); err != nil {
			t.Fatal(err)
		}
		_, stdout, _ := newWorld(t).run("doctor", "--token-file="+path)
		if got := strings.Contains(stdout, "may not be private: "); got != test.want {
			t.Errorf("got %s; want a warning about access: %t", stdout, test.want)
		}
	}
}
