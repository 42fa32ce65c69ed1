//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// After what people do with kubectl, save updates what is there, and remove takes the rest away.
func TestSaveAndRemoveAfterKubectl(t *testing.T) {
	name := "do-" + w.token.Region + "-" + w.token.Name
	tests := map[string]struct {
		kubectl []string
		remove  string
	}{
		"nothing":           {nil, w.token.Name},
		"a renamed context": {[]string{"rename-context", name, "prod"}, "prod"},
		"a deleted context": {[]string{"delete-context", name}, w.token.ID},
		"a deleted cluster": {[]string{"delete-cluster", name}, w.token.Name},
		"a deleted user":    {[]string{"delete-user", name + "-admin"}, name},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			u, path, _ := newSaver(t)
			u.doksAuth("kubeconfig", "save", w.token.ID)
			if test.kubectl != nil {
				u.mustKubectl("kubectl", path, "", append([]string{"config"}, test.kubectl...)...)
				if strings.HasPrefix(what, "a renamed") {
					u.doksAuth("kubeconfig", "save", w.token.ID, "--force")
					if got := u.mustKubectl("kubectl", path, "", "config", "get-contexts", "-o=name"); got != "kind\nprod\n" {
						t.Errorf("after saving again: got contexts %q; want kind and prod", got)
					}
				}
			}
			u.doksAuth("kubeconfig", "remove", test.remove)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), w.token.ID) || strings.Contains(string(text), "exec-credential") {
				t.Errorf("something of the cluster is left in\n%s", text)
			}
		})
	}
}

// A file is what it is, whatever KUBECONFIG calls it.
func TestRemoveFromOneFileOfTwoNames(t *testing.T) {
	for _, second := range []string{"link", "hard", "./config", "../.kube/config"} {
		t.Run(second, func(t *testing.T) {
			u, path, before := newSaver(t)
			dir := filepath.Dir(path)
			other := filepath.Join(dir, second)
			switch second {
			case "link":
				if err := os.Symlink("config", other); err != nil {
					t.Fatal(err)
				}
			case "hard":
				if err := os.Link(path, other); err != nil {
					t.Fatal(err)
				}
			default:
				other = dir + "/" + second
			}
			u.env = append(u.env, "KUBECONFIG="+other+":"+path)
			u.doksAuth("kubeconfig", "save", w.token.ID)
			u.mustKubectl("kubectl", other, "", "get", "ns")
			u.doksAuth("kubeconfig", "remove", w.token.ID)
			for _, name := range []string{path, other} {
				if got, err := os.ReadFile(name); err != nil || string(got) != before {
					t.Errorf("%s: got %v\n%s\nwant\n%s", name, err, got, before)
				}
			}
		})
	}
}
