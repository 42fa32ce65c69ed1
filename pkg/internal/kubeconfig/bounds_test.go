package kubeconfig

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/internal/yamledit"
)

// kuberc returns an environment that has KUBERC alone.
func kuberc(path string) func(string) string {
	return func(name string) string { return map[string]string{"KUBERC": path}[name] }
}

// What isn't a kubeconfig or a kuberc of bearable size isn't read, wherever it is named.
func TestReadsAreBounded(t *testing.T) {
	dir := t.TempDir()
	sparse := write(t, filepath.Join(dir, "sparse"), "")
	if err := os.Truncate(sparse, 1<<40); err != nil {
		t.Skip(err)
	}
	tests := map[string]struct{ path, want string }{
		"a directory":   {dir, "it is not a regular file"},
		"a sparse file": {sparse, "it is too large"},
	}
	if _, err := os.Stat("/dev/zero"); err == nil {
		tests["a device"] = struct{ path, want string }{"/dev/zero", "it is not a regular file"}
		tests["a terminal"] = struct{ path, want string }{"/dev/full", "it is not a regular file"}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Read([]string{test.path})
			_, policyErr := ReadPluginPolicy(kuberc(test.path), "")
			_, caErr := Cluster{CAFile: test.path}.Authority()
			for what, err := range map[string]error{
				"reading": err, "editing": Edit(t.Context(), []string{test.path}, save(newEntry("first", firstID))),
				"kuberc": policyErr, "an authority": caErr,
			} {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%s: got %v; want %s", what, err, test.want)
				}
			}
		})
	}
	policy, err := ReadPluginPolicy(kuberc(os.DevNull), "")
	if err != nil || policy.Type != "" {
		t.Errorf("nothing as kuberc: got %+v, %v; want no policy", policy, err)
	}
	if _, err := Read([]string{os.DevNull}); err != nil {
		t.Errorf("nothing as kubeconfig: got %v", err)
	}
}

// A small text can mean a lot, and a large one can hold more values than memory does.
func TestValuesAreBounded(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 12; i++ {
		aliases := strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9)
		fmt.Fprintf(&laughs, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(aliases, ","))
	}
	for name, text := range map[string]string{
		"aliases of aliases": laughs.String(),
		"an alias in itself": "users: &u [*u]\n",
		"merged into itself": "a: &a {<<: *a}\nusers: []\n",
		"merged in a list":   "a: &a {<<: [*a]}\n",
		"an extension": "clusters:\n- name: c\n  cluster: &c " +
			"{server: x, extensions: [{name: client.authentication.k8s.io/exec, extension: *c}]}\n",
		"too deep":            "x: " + strings.Repeat("[", 1<<20) + "\n",
		"commas":              "x: [" + strings.Repeat("1,", yamledit.MaxValues) + "1]\n",
		"lines":               strings.Repeat("#\n", yamledit.MaxValues+1),
		"dashes":              "x:\n" + strings.Repeat("- - - - - - - -\n", yamledit.MaxValues/8),
		"keys of two letters": strings.Repeat("? a\n", yamledit.MaxValues),
	} {
		if document, err := yamledit.Parse([]byte(text), emptyText); err == nil {
			c := &Config{}
			if err = c.merge(&file{text: document}); err == nil {
				t.Errorf("%s: got no error", name)
			}
		}
	}
}

// An error of the YAML library tells where and what, and no value.
func TestParseErrorsShowNoValue(t *testing.T) {
	for _, text := range []string{
		"SECRET-1: a\nSECRET-1: b\n", "x: *SECRET\n", "users: SECRET\n", "users: [SECRET\n", "x: \"SECRET\n",
		"x: !!int SECRET\n", "'SECRET'\n",
		"users:\n- &SECRET1 {name: a, user: *SECRET1}\n", "x: !<SECRET a\n", "%SECRET\n---\n", "current-context: [SECRET]\n",
		"x: \"\\SECRET\"\n", "users: {\"a'SECRET`b\": 1, \"a'SECRET`b\": 2}\n",
		"users: \"a\\nSECRET\"\n", "clusters: [{name: [SECRET]}]\n", "users: [{name: a, user: {exec: SECRET}}]\n",
		"x: @SECRET\n", "x: `SECRET`\n",
	} {
		document, err := yamledit.Parse([]byte(text), emptyText)
		if err == nil {
			c := &Config{}
			err = c.merge(&file{text: document})
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}
