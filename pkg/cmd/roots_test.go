//go:build unix

// Not for Windows: Windows has no SSL_CERT_FILE.

package cmd

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAreRoots(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can create files that belong to root")
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
	file := func(dir, name string, mode os.FileMode, uid int, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
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
	const bundle = "# remark: of the cluster\n\nAn authority\n====\n" +
		"-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
	own := file(dir, "own", 0o644, 0, bundle)
	kubeconfig := file(t.TempDir(), "kubeconfig", 0o600, 0, "users: |\n"+bundle)
	subdir := func(name string, uid int, text string) string {
		sub := filepath.Join(dir, name)
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		file(sub, "ca.pem", 0o644, uid, text)
		return sub
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(kubeconfig, link); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		list               string
		wantUser, wantRoot bool
	}{
		"root's file":                    {own, true, true},
		"root's directory":               {subdir("certs", 0, bundle), true, true},
		"both":                           {own + ":" + filepath.Join(dir, "certs"), true, true},
		"a kubeconfig of root's":         {kubeconfig, true, false},
		"JSON of root's":                 {file(dir, "json", 0o644, 0, "{\"a\"}\n"+bundle), true, false},
		"a link to it":                   {link, true, false},
		"the user's":                     {file(dir, "users", 0o644, somebody, bundle), false, false},
		"writable by a group":            {file(dir, "group", 0o664, 0, bundle), false, false},
		"writable by all":                {file(dir, "all", 0o666, 0, bundle), false, false},
		"the user's in root's directory": {subdir("mixed", somebody, bundle), false, false},
		"a kubeconfig in a directory":    {subdir("odd", 0, "a: b\n"+bundle), true, false},
		"one of two":                     {own + ":" + file(dir, "users-too", 0o644, somebody, bundle), false, false},
		"empty":                          {file(dir, "empty", 0o644, 0, ""), false, false},
		"absent":                         {filepath.Join(dir, "absent"), false, false},
		"a process's environment":        {"/proc/self/environ", false, false},
		"a process's arguments":          {"/proc/self/cmdline", false, false},
		"a device":                       {"/dev/zero", false, false},
		"devices":                        {"/dev", false, false},
		"a relative path":                {"etc", false, false},
		"the system's":                   {"/etc/ssl/certs", true, true},
	}
	if _, err := os.Stat("/etc/ssl/certs"); err != nil {
		delete(tests, "the system's")
	}
	for name, test := range tests {
		if got := areRoots(test.list, somebody); got != test.wantUser {
			t.Errorf("%s, for a user: got %v, want %v", name, got, test.wantUser)
		}
		if got := areRoots(test.list, 0); got != test.wantRoot {
			t.Errorf("%s, for root: got %v, want %v", name, got, test.wantRoot)
		}
	}
}
