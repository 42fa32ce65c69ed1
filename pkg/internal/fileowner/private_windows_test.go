package fileowner_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner/fileownertest"
)

// Whoever may read a file besides the user, or change it, makes it public; nobody else does.
func TestCheckPrivate(t *testing.T) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		list string // USER stands for the user's SID
		want bool
	}{
		"user":              {"D:P(A;;FA;;;USER)", true},
		"system":            {"D:P(A;;FA;;;USER)(A;;FA;;;SY)(A;;FA;;;BA)", true},
		"everyone reads":    {"D:P(A;;FA;;;USER)(A;;FR;;;WD)", false},
		"everyone writes":   {"D:P(A;;FA;;;USER)(A;;FW;;;WD)", false},
		"everybody, denied": {"D:P(D;;FR;;;WD)(A;;FA;;;USER)", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := os.Create(filepath.Join(t.TempDir(), "file"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			list := strings.ReplaceAll(test.list, "USER", user.User.Sid.String())
			if err := fileownertest.SetList(f.Name(), list); err != nil {
				t.Fatal(err)
			}
			if err := fileowner.CheckPrivate(f, nil); (err == nil) != test.want {
				t.Errorf("got %v, want private: %t", err, test.want)
			}
		})
	}
}
