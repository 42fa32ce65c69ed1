package fileowner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"
)

// Whoever may read a file besides the user, or change it, makes it public; nobody else does.
func TestCheckPrivate(t *testing.T) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		list string // USER stands for the user's SID
		want error
	}{
		"user":              {"D:P(A;;FA;;;USER)", nil},
		"system":            {"D:P(A;;FA;;;USER)(A;;FA;;;SY)(A;;FA;;;BA)", nil},
		"everyone reads":    {"D:P(A;;FA;;;USER)(A;;FR;;;WD)", errAccess},
		"everyone writes":   {"D:P(A;;FA;;;USER)(A;;FW;;;WD)", errAccess},
		"everybody, denied": {"D:P(D;;FR;;;WD)(A;;FA;;;USER)", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f, err := os.Create(filepath.Join(t.TempDir(), "file"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			setList(t, f.Name(), strings.ReplaceAll(test.list, "USER", user.User.Sid.String()))
			if got := CheckPrivate(f, nil); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// setList replaces a file's access control list by one in the security descriptor definition language.
func setList(t *testing.T, path, text string) {
	t.Helper()
	descriptor, err := windows.SecurityDescriptorFromString(text)
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := descriptor.DACL()
	if err != nil {
		t.Fatal(err)
	}
	err = windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
	if err != nil {
		t.Fatal(err)
	}
}
