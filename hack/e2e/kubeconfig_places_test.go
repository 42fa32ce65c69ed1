//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// A kubeconfig that is a mount of its own, as in containers, can't be replaced. save and remove write it in place, and
// kubectl reads the result, there and where the file really is.
func TestMountedKubeconfig(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	u, path, before := newSaver(t)
	mounted := filepath.Join(u.home, "mounted")
	if err := os.WriteFile(mounted, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	const below = "# below the mount\n"
	if err := os.WriteFile(path, []byte(below), 0o600); err != nil {
		t.Fatal(err)
	}
	was, err := os.Stat(mounted)
	if err != nil {
		t.Fatal(err)
	}
	in := func(command ...string) string {
		t.Helper()
		script := `mount --bind "$MOUNTED" "$KUBECONFIG" && exec "$@"`
		got := run(t, append(u.env, "MOUNTED="+mounted, "KUBECONFIG="+path), "",
			append([]string{"unshare", "--mount", "sh", "-c", script, "sh"}, command...)...)
		if got.code != 0 {
			t.Fatalf("%v: got exit code %d, want 0: %s%s", command, got.code, got.stdout, got.stderr)
		}
		return got.stdout
	}
	if got := in(plugin(), "kubeconfig", "save", tokenID); !strings.Contains(got, "wrote "+path+"\n") {
		t.Errorf("save: got %s, want it to say that it wrote %s", got, path)
	}
	for _, client := range kubectls() {
		for what, got := range map[string]string{
			"at the mount": in(binary(client), "get", "ns"),
			"mounted":      u.mustKubectl(client, mounted, "", "get", "ns"),
		} {
			if !strings.Contains(got, "kube-system") {
				t.Errorf("%s, the file %s: got %s, want kube-system in it", client, what, got)
			}
		}
	}
	in(plugin(), "kubeconfig", "remove", tokenID)
	for name, want := range map[string]string{mounted: before, path: below} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s: got %v\n%s\nwant\n%s", name, err, got, want)
		}
	}
	if now, err := os.Stat(mounted); err != nil || !os.SameFile(was, now) {
		t.Errorf("got %v, %v; want the same file", now, err)
	}
	backups := filepath.Join(u.home, ".local", "state", "doks-auth", "kubeconfigs", "*.json")
	if left, err := filepath.Glob(backups); err != nil || len(left) > 0 {
		t.Errorf("got the backups %v, %v; want none", left, err)
	}
}

// So is one in a directory that its user may not write to.
func TestKubeconfigInALockedDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	u, path, before := newSaver(t)
	state := filepath.Join(u.home, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	for _, err := range []error{
		os.Chown(state, nobody, nobody), os.Chown(path, nobody, nobody),
		os.Chmod(filepath.Dir(path), 0o755), os.Chmod(filepath.Dir(u.home), 0o755), os.Chmod(u.home, 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	u.env = append(u.env, "XDG_STATE_HOME="+state, "KUBECONFIG="+path, "KUBECACHEDIR="+filepath.Join(state, "cache"))
	as := func(command ...string) string {
		t.Helper()
		got := run(t, u.env, "", append([]string{"setpriv", "--reuid=65534", "--clear-groups"}, command...)...)
		if got.code != 0 {
			t.Fatalf("%v: got exit code %d, want 0: %s%s", command, got.code, got.stdout, got.stderr)
		}
		return got.stdout
	}
	as(plugin(), "kubeconfig", "save", tokenID)
	for _, client := range kubectls() {
		if got := as(binary(client), "get", "ns"); !strings.Contains(got, "kube-system") {
			t.Errorf("%s: got %s, want kube-system in it", client, got)
		}
	}
	as(plugin(), "kubeconfig", "remove", tokenID)
	if got, err := os.ReadFile(path); err != nil || string(got) != before {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, before)
	}
}

// A kubeconfig that can't be edited stays as it is, and save says what it is and what to do.
func TestKubeconfigThatCannotBeEdited(t *testing.T) {
	units := func(text string) (encoded []byte) {
		for _, unit := range utf16.Encode([]rune("\uFEFF" + text)) {
			encoded = append(encoded, byte(unit), byte(unit>>8))
		}
		return encoded
	}
	const another = "give another file with --kubeconfig, or use 'doks-auth kubeconfig show CLUSTER >FILE'"
	tests := map[string]struct {
		spoil      func(t *testing.T, path, before string)
		path       string // "": the usual one
		want, hint string
		read       bool // by kubectl
	}{
		"UTF-16": {
			spoil: func(t *testing.T, path, before string) {
				if err := os.WriteFile(path, units(before), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			want: "it is UTF-16 text, as PowerShell's > writes it; only UTF-8 is supported",
			hint: "convert it to UTF-8; in PowerShell, write it with '| Out-File -Encoding utf8' instead of >",
			read: true, // by its byte order mark
		},
		"read-only": {
			spoil: func(t *testing.T, path, _ string) {
				if err := os.Chmod(path, 0o400); err != nil {
					t.Fatal(err)
				}
			},
			want: "the file is read-only", hint: another, read: true,
		},
		"a directory": {
			spoil: func(t *testing.T, path, _ string) {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if err := os.Mkdir(path, 0o700); err != nil {
					t.Fatal(err)
				}
			},
			want: "it is not a regular file but a directory", hint: "name a file in it",
		},
		"unexpanded": {
			spoil: func(*testing.T, string, string) {}, path: "~/.kube/config",
			want: "no shell has expanded the ~ in its path", hint: "write the path in full",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			u, path, before := newSaver(t)
			test.spoil(t, path, before)
			if test.path != "" {
				path = test.path
			}
			spoiled, readErr := os.ReadFile(path)
			for _, client := range kubectls() {
				got := u.kubectl(client, path, "", "config", "get-contexts", "kind")
				if (got.code == 0) != test.read {
					t.Errorf("%s: got exit code %d, %s; want it to read the file: %v", client, got.code, got.stderr, test.read)
				}
			}
			for _, command := range []string{"save", "remove"} {
				got := run(t, u.env, "", plugin(), "kubeconfig", command, tokenID, "--kubeconfig="+path)
				isFound := command == "save" || name != "read-only" // in which there is nothing to remove
				if isFound && (got.code == 0 || !strings.Contains(got.stderr, test.want) ||
					!strings.Contains(got.stderr, "hint: "+test.hint)) {
					t.Errorf("%s: got exit code %d, %s; want %q and the hint %q", command, got.code, got.stderr, test.want,
						test.hint)
				}
			}
			if after, err := os.ReadFile(path); string(after) != string(spoiled) || (err == nil) != (readErr == nil) {
				t.Errorf("got %v, %q; want the file as it was: %v, %q", err, after, readErr, spoiled)
			}
		})
	}
}
