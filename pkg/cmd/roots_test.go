//go:build unix

package cmd

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAreRoots(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can own what root owns")
	}
	const somebody = 1000
	dir, err := os.MkdirTemp("/etc", "doks-auth-test-")
	if err != nil {
		t.Skip(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := func(dir, name string, mode os.FileMode, uid int) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, uid, -1); err != nil {
			t.Fatal(err)
		}
		return path
	}
	own := file(dir, "own", 0o644, 0)
	download := file(t.TempDir(), "download", 0o600, 0)
	link := filepath.Join(dir, "link")
	if err := os.Symlink(download, link); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		list         string
		user, toRoot bool
	}{
		"root's file":               {own, true, true},
		"root's directory":          {dir, true, true},
		"both":                      {own + ":" + dir, true, true},
		"root's file of a download": {download, true, false},
		"a link to it":              {link, true, false},
		"the user's":                {file(dir, "users", 0o644, somebody), false, false},
		"writable by a group":       {file(dir, "group", 0o664, 0), false, false},
		"writable by all":           {file(dir, "all", 0o666, 0), false, false},
		"one of two":                {own + ":" + file(dir, "users-too", 0o644, somebody), false, false},
		"absent":                    {filepath.Join(dir, "absent"), false, false},
		"a process's environment":   {"/proc/self/environ", false, false},
		"a device":                  {"/dev/zero", false, false},
		"a relative path":           {"etc", false, false},
		"nothing":                   {":", false, false},
	}
	for name, test := range tests {
		if got := areRoots(test.list, somebody); got != test.user {
			t.Errorf("%s, to a user: got %v, want %v", name, got, test.user)
		}
		if got := areRoots(test.list, 0); got != test.toRoot {
			t.Errorf("%s, to root: got %v, want %v", name, got, test.toRoot)
		}
	}
}
