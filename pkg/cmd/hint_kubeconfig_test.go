package cmd

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// What to do about a kubeconfig's text.
func TestHintsAboutTexts(t *testing.T) {
	utf16 := func(text string, order ...byte) string {
		out := string(order)
		for _, b := range []byte(text) {
			if order[0] == 0xff {
				out += string([]byte{b, 0})
			} else {
				out += string([]byte{0, b})
			}
		}
		return out
	}
	tests := map[string]struct{ text, want string }{
		"UTF-16, little endian": {utf16("clusters: []\r\n", 0xff, 0xfe), "convert it to UTF-8; in PowerShell, write it with"},
		"UTF-16, big endian":    {utf16("clusters: []\n", 0xfe, 0xff), "convert it to UTF-8; in PowerShell, write it with"},
		"a key twice":           {"clusters: []\nclusters: []\n", "remove one of the two; the file was left as it is"},
		"a key twice in an entry": {"users: [{name: a, user: {token: x, token: y}}]\n",
			"remove one of the two; the file was left as it is"},
		"not YAML": {"clusters: [", "fix the file; it was left as it is"},
	}
	for name, test := range tests {
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := kubeconfig.Read([]string{path}); err == nil || !strings.HasPrefix(hintOf(err), test.want) {
			t.Errorf("%s: got %v, hint %q; want %q…", name, err, hintOf(err), test.want)
		}
	}
	_, err := kubeconfig.Read([]string{t.TempDir()})
	if got, want := hintOf(err), "name a file in it; --kubeconfig and KUBECONFIG take files"; got != want {
		t.Errorf("a directory: got %v, hint %q; want %q", err, got, want)
	}
}

// What to do about a file that can't be read or written. Here they are errors as the system returns them: to root, it
// returns few.
func TestHintsAboutFiles(t *testing.T) {
	const read = "let this user read the file, or give another one with --kubeconfig"
	pathError := func(err error) error { return &fs.PathError{Op: "open", Path: "config", Err: err} }
	writing := func(err error) error {
		return &kubeconfig.WriteError{Path: "config", Doing: "writing", Err: err}
	}
	tests := map[string]struct {
		err  error
		want string
	}{
		"may not be read":    {&kubeconfig.ReadError{Path: "config", Err: pathError(syscall.EACCES)}, read},
		"may not be written": {writing(pathError(syscall.EACCES)), toAnother},
		"may not be locked": {&kubeconfig.WriteError{Path: "config", Doing: "locking", Err: pathError(syscall.EPERM)},
			toAnother},
		"on a file system that is read-only": {writing(pathError(syscall.EROFS)), toAnother},
		"read-only":                          {writing(kubeconfig.ErrReadOnly), toAnother},
		"without a place for a backup": {writing(kubeconfig.ErrNoBackups),
			"set XDG_STATE_HOME or HOME, or " + toAnother},
		"on a full disk": {writing(pathError(syscall.ENOSPC)), ""},
	}
	for name, test := range tests {
		for _, err := range []error{test.err, fmt.Errorf("saving: %w", test.err)} {
			if got := hintOf(err); got != test.want {
				t.Errorf("%s: got %q, want %q", name, got, test.want)
			}
		}
	}
}

// A file that nobody may write is left alone, even by root.
func TestReadOnlyKubeconfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte("users: [{name: a, user: {}}]\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	err := kubeconfig.Editor{}.Edit(t.Context(), []string{path}, func(c *kubeconfig.Config) error {
		c.SetCurrentContext("a")
		return nil
	})
	if got := hintOf(err); err == nil || got != toAnother {
		t.Errorf("got %v, hint %q; want %q", err, got, toAnother)
	}
}
