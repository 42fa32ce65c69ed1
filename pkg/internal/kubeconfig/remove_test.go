package kubeconfig

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// parts is a kubeconfig that is put together from parts.
type parts struct{ clusters, contexts, users, current string }

func (p parts) String() string {
	return "clusters: [" + p.clusters + "]\ncontexts: [" + p.contexts + "]\nusers: [" + p.users +
		"]\ncurrent-context: '" + p.current + "'\n"
}

func clusterAt(name, server string) string {
	return "{name: " + name + ", cluster: {server: '" + server + "'}}"
}

func contextOf(name, cluster, user string) string {
	return "{name: " + name + ", context: {cluster: " + cluster + ", user: " + user + "}}"
}

func userOf(name, id string) string {
	return "{name: " + name + ", user: {exec: {command: doks-auth, args: [exec-credential, " + id + "]}}}"
}

// What belongs to a cluster goes, in whatever file and under whatever name, and nothing else does.
func TestRemoveByWhatIsLeft(t *testing.T) {
	const tunnel = "https://127.0.0.1:6443"
	first, second := clusterAt("a", serverOf(firstID)), clusterAt("b", serverOf(secondID))
	firstUser, secondUser := userOf("ua", firstID), userOf("ub", secondID)
	token := "{name: token, user: {token: t}}"
	whole := parts{first, contextOf("ca", "a", "ua"), firstUser, ""}
	tests := map[string]struct {
		files []parts
		by    []string
		want  []parts
		none  bool // nothing is found
	}{
		"same names in two files": {
			files: []parts{
				{first, contextOf("x", "a", "u"), userOf("u", firstID), "x"},
				{clusterAt("a", serverOf(secondID)), contextOf("x", "a", "u"), userOf("u", secondID), "x"},
			},
			by:   []string{"x", "a", firstID},
			want: []parts{{}, {clusterAt("a", serverOf(secondID)), contextOf("x", "a", "u"), userOf("u", secondID), "x"}},
		},
		"hidden in the second file": {
			files: []parts{
				{first, contextOf("x", "a", "u"), userOf("u", firstID), "x"},
				{clusterAt("a", serverOf(secondID)), contextOf("x", "a", "u"), userOf("u", secondID), "x"},
			},
			by:   []string{secondID},
			want: []parts{{first, contextOf("x", "a", "u"), userOf("u", firstID), "x"}, {"", "", "", "x"}},
		},
		"a hidden user": {
			files: []parts{{"", "", "{name: ua, user: {token: t}}", ""}, whole},
			by:    []string{firstID, "a"},
			want:  []parts{{}, {}},
		},
		"a deleted context": {
			files: []parts{{first, "", firstUser, ""}}, by: []string{"a", firstID}, want: []parts{{}},
		},
		"a deleted cluster": {
			files: []parts{{"", contextOf("ca", "a", "ua"), firstUser, "ca"}},
			by:    []string{"ca", "a", firstID}, want: []parts{{}},
		},
		"another's entry with a context of ours": {
			files: []parts{{clusterAt("kind", tunnel), contextOf("kind", "kind", "token") + ", " + contextOf("x", "kind", "ua"),
				token + ", " + firstUser, "kind"}},
			by:   []string{firstID},
			want: []parts{{clusterAt("kind", tunnel), contextOf("kind", "kind", "token"), token, "kind"}},
		},
		"another's entry, which is a tunnel too": {
			files: []parts{{clusterAt("kind", tunnel), contextOf("x", "kind", "ua") + ", " + contextOf("kind", "kind", "none"),
				firstUser, "kind"}},
			by:   []string{firstID},
			want: []parts{{clusterAt("kind", tunnel), contextOf("kind", "kind", "none"), "", "kind"}},
		},
		"only a user": {
			files: []parts{{second, contextOf("cb", "b", "ub"), firstUser + ", " + secondUser, "cb"}},
			by:    []string{"ua", firstID, strings.ToUpper(firstID)},
			want:  []parts{{second, contextOf("cb", "b", "ub"), secondUser, "cb"}},
		},
		"users of all names": {
			files: []parts{{first, contextOf("ca", "a", "ua"), firstUser + ", " + userOf("old", firstID), "ca"}, {"", "",
				userOf("more", firstID), ""}},
			by: []string{"ca", "a", firstID}, want: []parts{{}, {}},
		},
		"a tunnel": {
			files: []parts{{first + ", " + clusterAt("t", tunnel), contextOf("ca", "a", "ua") + ", " + contextOf("ct", "t",
				"ua"), firstUser, "ct"}},
			by: []string{"ca", "a", "ct", "t", firstID}, want: []parts{{}},
		},
		"a shared tunnel": {
			files: []parts{{
				clusterAt("t", tunnel), contextOf("ca", "t", "ua") + ", " + contextOf("cb", "t", "ub"), firstUser + ", " +
					secondUser, "cb",
			}},
			by:   []string{"ca", firstID},
			want: []parts{{clusterAt("t", tunnel), contextOf("cb", "t", "ub"), secondUser, "cb"}},
		},
		"a user that others use": {
			files: []parts{{first + ", " + second, contextOf("ca", "a", "token") + ", " + contextOf("cb", "b", "token"),
				token, "ca"}},
			by:   []string{"ca", firstID},
			want: []parts{{second, contextOf("cb", "b", "token"), token, ""}},
		},
		"no context at all": {files: []parts{{}}, by: []string{"a", firstID}, want: []parts{{}}, none: true},
	}
	for name, test := range tests {
		for _, by := range test.by {
			t.Run(name+" by "+by, func(t *testing.T) {
				var paths []string
				for i, file := range test.files {
					paths = append(paths, write(t, filepath.Join(t.TempDir(), string(rune('a'+i))), file.String()))
				}
				err := Edit(t.Context(), paths, remove(by))
				if test.none != (credential.ClassOf(err) == credential.NotFound) || err != nil && !test.none {
					t.Errorf("got %v; want nothing found: %v", err, test.none)
				}
				for i, want := range test.want {
					if diff := cmp.Diff(want.String(), read(t, paths[i])); diff != "" {
						t.Errorf("file %d: want -, got +\n%s", i, diff)
					}
				}
			})
		}
	}
}

// Removing says what the names stand for now, and what the current context is.
func TestRemoveSaysWhatCounts(t *testing.T) {
	dir := t.TempDir()
	server := serverOf(secondID)
	first := write(t, filepath.Join(dir, "first"),
		parts{clusterAt("a", serverOf(firstID)), contextOf("x", "a", "u"), userOf("u", firstID), "x"}.String())
	second := write(t, filepath.Join(dir, "second"),
		parts{clusterAt("a", server), contextOf("x", "a", "u") + ", " + contextOf("y", "b", "v"), userOf("u", secondID),
			"y"}.String())
	var gone Removed
	mustEdit(t, func(c *Config) (err error) { gone, err = c.Remove("x"); return err }, first, second)
	want := Removed{
		Contexts: []string{"x"}, Clusters: []string{"a"}, Users: []string{"u"}, ClusterIDs: []string{firstID}, Next: "y",
		Uncovered: []Uncovered{
			{Kind: "context", Name: "x", Path: second, Cluster: "a"},
			{Kind: "cluster", Name: "a", Path: second, Server: server},
			{Kind: "user", Name: "u", Path: second},
		},
	}
	if diff := cmp.Diff(want, gone); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
}

// Several clusters can be removed in one edit.
func TestRemoveSeveral(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "config"),
		edited(t, emptyText, save(newEntry("first", firstID), newEntry("second", secondID))))
	mustEdit(t, func(c *Config) error {
		for _, id := range []string{firstID, secondID} {
			if err := remove(id)(c); err != nil {
				return err
			}
		}
		return nil
	}, path)
	if diff := cmp.Diff(emptyText, read(t, path)); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
}

// Where no kubeconfig can be, or none can be written, the error says why, and nothing is created.
func TestUnusablePaths(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("HOME", t.TempDir())
	write(t, "real", emptyText)
	write(t, "utf16", "\xff\xfek\x00i\x00")
	write(t, "utf16be", "\x00k\x00i")
	write(t, "twice", "kind: Config\nkind: Config\n")
	if err := os.Chmod(write(t, "read-only", emptyText), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("dir", 0o700); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		paths []string
		want  string // "" means that it is edited
	}{
		"a tilde": {[]string{"~/.kube/config"},
			`kubeconfig "~/.kube/config" doesn't exist: no shell has expanded the ~ in its path`},
		"another's home": {[]string{"~me/config"}, "no shell has expanded the ~me in its path"},
		"a variable":     {[]string{"$HOME/.kube/config"}, "no shell has expanded the $HOME in its path"},
		"in braces":      {[]string{"/tmp/${USER}/config"}, "no shell has expanded the ${USER} in its path"},
		"PowerShell's": {[]string{`$env:USERPROFILE\config`},
			"no shell has expanded the $env:USERPROFILE in its path"},
		"Windows'":                 {[]string{`%USERPROFILE%\config`}, "no shell has expanded the %USERPROFILE% in its path"},
		"beside another file":      {[]string{"~/.kube/config", "real"}, ""},
		"a directory":              {[]string{"dir"}, `reading kubeconfig "dir": it is not a regular file but a directory`},
		"a directory, by its path": {[]string{"dir" + string(filepath.Separator)}, "its path ends as a directory's does"},
		"a missing directory":      {[]string{"missing/"}, `kubeconfig "missing/": its path ends as a directory's does`},
		"a file with a slash":      {[]string{"real/"}, "its path ends as a directory's does"},
		"the null device":          {[]string{os.DevNull}, "it is not a regular file"},
		"beside the null device":   {[]string{os.DevNull, "real"}, ""},
		"UTF-16": {[]string{"utf16"},
			`reading kubeconfig "utf16": it is UTF-16 text, as PowerShell's > writes it; only UTF-8 is supported`},
		"UTF-16, bare": {[]string{"utf16be"}, "it is UTF-16 text"},
		"read-only":    {[]string{"read-only"}, `writing kubeconfig "read-only": the file is read-only`},
		"a key twice": {[]string{"twice"},
			`line 2: mapping key "kind" already defined at line 1; kubectl reads the last one, but`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := Edit(t.Context(), test.paths, save(newEntry("first", firstID)))
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v; want %q", err, test.want)
			}
		})
	}
	files, err := os.ReadDir(".")
	if err != nil || len(files) != 6 {
		t.Errorf("got the files %v, %v; want those that were there", files, err)
	}
}

// A file that is missing is created, although the null device exists.
func TestMissingBesideNullDevice(t *testing.T) {
	null := strings.ToLower(os.DevNull) // Windows calls it NUL
	edit := save(newEntry("first", firstID))
	for name, pathsOf := range map[string]func(path string) []string{
		"after":  func(path string) []string { return []string{null, path} },
		"before": func(path string) []string { return []string{path, null} },
	} {
		path := filepath.Join(t.TempDir(), "new", "config")
		if err := Edit(t.Context(), pathsOf(path), edit); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(edited(t, emptyText, edit), read(t, path)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
