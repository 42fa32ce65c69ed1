//go:build unix

// Not for Windows: it is about sudo.

package cachedir

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Root doesn't use other users' directories, however much of the path exists.
func TestForUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root avoids other users' directories")
	}
	const ours, theirs = 0, nobody
	const below = "/.kube/cache/doks-auth"
	type tree map[string]int // owners by path
	type env = map[string]string
	tests := map[string]struct {
		tree tree
		env  env
		home string
		want string
	}{
		"own home":                {tree{"h": ours}, nil, "/h", "/h" + below},
		"own cache":               {tree{"h": ours, "h" + below: ours}, nil, "/h", "/h" + below},
		"no home yet":             {tree{}, nil, "/h", "/h" + below},
		"another's home":          {tree{"h": theirs}, nil, "/h", "/root" + below},
		"another's .kube":         {tree{"h": theirs, "h/.kube": theirs}, nil, "/h", "/root" + below},
		"another's .kube at home": {tree{"h": ours, "h/.kube": theirs}, nil, "/h", "/root" + below},
		"another's cache":         {tree{"h": theirs, "h" + below: theirs}, nil, "/h", "/root" + below},
		"own cache in another's":  {tree{"h": theirs, "h" + below: ours}, nil, "/h", "/root" + below},
		"own KUBECACHEDIR":        {tree{"h": theirs, "k": ours}, env{"KUBECACHEDIR": "/k"}, "/h", "/k/doks-auth"},
		"another's KUBECACHEDIR":  {tree{"h": ours, "k": theirs}, env{"KUBECACHEDIR": "/k"}, "/h", "/root" + below},
		"KUBECACHEDIR in a home": {
			tree: tree{"h": theirs, "h/k": ours},
			env:  env{"KUBECACHEDIR": "/h/k"},
			home: "/h",
			want: "/root" + below,
		},
		"another's, explicitly":    {tree{"h": theirs, "d": theirs}, env{EnvVar: "/d"}, "/h", "/d"},
		"a home that has a prefix": {tree{"h": theirs, "h2": ours}, env{"KUBECACHEDIR": "/h2"}, "/h", "/h2/doks-auth"},
		"no directory":             {tree{}, nil, "/dev/null", "/root" + below},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			for path, uid := range test.tree {
				path = filepath.Join(top, path)
				if err := os.MkdirAll(path, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.Chown(path, uid, uid); err != nil {
					t.Skip(err)
				}
			}
			if name == "no directory" {
				dev := filepath.Join(top, "dev")
				err := errors.Join(os.Mkdir(dev, 0o700), os.WriteFile(filepath.Join(dev, "null"), nil, 0o600))
				if err != nil {
					t.Fatal(err)
				}
			}
			getenv := func(name string) string {
				if test.env[name] == "" {
					return ""
				}
				return filepath.Join(top, test.env[name])
			}
			calls := 0
			got := ForUser(getenv, filepath.Join(top, test.home), func() string {
				calls++
				return filepath.Join(top, "root")
			})
			if want := filepath.Join(top, test.want); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if want := test.want == "/root"+below; (calls > 0) != want {
				t.Errorf("got %d lookups of root's home, want some: %v", calls, want)
			}
		})
	}
}
