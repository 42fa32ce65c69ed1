package kubeconfig

import (
	"os"
	"path/filepath"
	"testing"
)

// Without --kubeconfig and KUBECONFIG, the file is the one that kubectl.exe reads.
func TestHome(t *testing.T) {
	type dirs = []string
	all := dirs{"HOME", "USERPROFILE", "HOMEPATH"}
	two := dirs{"USERPROFILE", "HOMEPATH"}
	tests := map[string]struct {
		set, exist, configs dirs // among all
		want                string
	}{
		"profile":                 {all[1:2], all[1:2], nil, "USERPROFILE"},
		"Git's shell":             {all[:2], all[:2], nil, "HOME"},
		"HOME that is missing":    {all[:2], all[1:2], nil, "USERPROFILE"},
		"drive":                   {all[2:], all[2:], nil, "HOMEPATH"},
		"profile and drive":       {two, two, nil, "USERPROFILE"},
		"nothing exists":          {two, nil, nil, "USERPROFILE"},
		"nothing is set":          {nil, nil, nil, "given"},
		"a config on the drive":   {two, two, two, "HOMEPATH"},
		"a config in the profile": {all, all, all[1:2], "USERPROFILE"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			env := make(map[string]string)
			for _, name := range test.set {
				env[name] = filepath.Join(top, name)
			}
			if path := env["HOMEPATH"]; path != "" {
				env["HOMEDRIVE"] = filepath.VolumeName(path)
				env["HOMEPATH"] = path[len(env["HOMEDRIVE"]):]
			}
			for _, name := range test.exist {
				if err := os.Mkdir(filepath.Join(top, name), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range test.configs {
				if err := os.Mkdir(filepath.Join(top, name, ".kube"), 0o700); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(top, name, ".kube", "config"), emptyText)
			}
			want := filepath.Join(top, test.want, ".kube", "config")
			got := Paths("", func(name string) string { return env[name] }, filepath.Join(top, "given"))
			if len(got) != 1 || got[0] != want {
				t.Errorf("got %q, want %s", got, want)
			}
		})
	}
}
