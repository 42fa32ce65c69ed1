package kubeconfig

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var errNoLinks = errors.New("links can't be created here")

// symlink makes a link. The error is errNoLinks on Windows if that needs rights, and in Wine, which does nothing.
func symlink(target, path string) error {
	err := os.Symlink(target, path)
	if _, statErr := os.Lstat(path); statErr != nil && runtime.GOOS == "windows" {
		return errNoLinks
	}
	return err
}

// A file that KUBECONFIG names twice, in whatever way, is one file.
func TestOneFileUnderSeveralNames(t *testing.T) {
	tests := map[string]struct {
		paths []string
		link  func() error
	}{
		"link and target":         {paths: []string{"link", "k"}, link: func() error { return symlink("k", "link") }},
		"target and link":         {paths: []string{"k", "link"}, link: func() error { return symlink("k", "link") }},
		"with and without a dot":  {paths: []string{"k", "./k"}},
		"through a directory":     {paths: []string{"d/../k", "k"}},
		"through a missing one":   {paths: []string{"none/../k", "k"}},
		"with and without a root": {paths: []string{"k", "$PWD/k"}},
		"linked directory":        {paths: []string{"dir/k", "k"}, link: func() error { return symlink(".", "dir") }},
		"beside a linked directory": {paths: []string{"e/../k", "x/k", "l"}, link: func() error {
			os.Mkdir("x", 0o700)
			os.Rename("k", "x/k")
			os.WriteFile("k", []byte("# another\n"), 0o600)
			return errors.Join(os.Mkdir("x/y", 0o700), symlink("x/y", "e"), symlink("e/../k", "l"))
		}},
		"hard link":           {paths: []string{"hard", "k"}, link: func() error { return os.Link("k", "hard") }},
		"hard link elsewhere": {paths: []string{"k", "d/hard"}, link: func() error { return os.Link("k", "d/hard") }},
		"all of them": {paths: []string{"link", "hard", "d/../k", "k"}, link: func() error {
			return errors.Join(symlink("k", "link"), os.Link("k", "hard"))
		}},
	}
	if runtime.GOOS == "windows" {
		test := tests["with and without a dot"]
		test.paths = []string{"K", "k"}
		tests["in another case"] = test
	}
	for name, test := range tests {
		for _, missing := range []bool{false, true} {
			if missing && strings.Contains(name, "hard") || missing && name == "all of them" {
				continue
			}
			t.Run(name+map[bool]string{true: " of nothing"}[missing], func(t *testing.T) {
				t.Chdir(t.TempDir())
				if err := os.Mkdir("d", 0o700); err != nil {
					t.Fatal(err)
				}
				before := kubeconfigs["kubectl's"]
				if missing {
					before = emptyText
				} else {
					write(t, "k", before)
				}
				if test.link != nil {
					err := test.link()
					if errors.Is(err, errNoLinks) {
						t.Skip(err)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				here, err := os.Getwd()
				if err != nil {
					t.Fatal(err)
				}
				var paths []string
				for _, path := range test.paths {
					paths = append(paths, strings.ReplaceAll(path, "$PWD", here))
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				for _, step := range []struct {
					edit func(*Config) error
					want string
				}{
					{save(newEntry("first", firstID)), edited(t, before, save(newEntry("first", firstID)))},
					{remove(firstID), before},
				} {
					if err := Edit(ctx, paths, step.edit); err != nil {
						t.Fatal(err)
					}
					for _, path := range paths {
						if _, err := os.Stat(path); err != nil && len(test.paths) > 1 {
							continue // kubectl doesn't find it there either
						}
						if diff := cmp.Diff(step.want, read(t, path)); diff != "" {
							t.Errorf("%s: %s", path, diff)
						}
					}
				}
				c, err := Read(paths)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := os.Stat("none"); name == "through a missing one" && !missing && err == nil {
					t.Error("got a directory for a file that isn't written; want none")
				}
				if got := c.Files(false); len(got) != 1 && name != "hard link elsewhere" {
					t.Errorf("got the files %q; want one", got)
				}
				if name == "beside a linked directory" && read(t, "k") != "# another\n" {
					t.Errorf("the file that isn't named has %q", read(t, "k"))
				}
				left, err := filepath.Glob(".*")
				if err != nil || len(left) > 0 {
					t.Errorf("got %q, %v left behind; want nothing", left, err)
				}
			})
		}
	}
}

// A lock file that is met again under another name isn't waited for.
func TestLockUnderTwoNames(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "config"), emptyText)
	e := &editing{step: make(chan struct{}, 1)}
	defer e.end()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 {
		at, err := openPlace(path)
		if err != nil {
			t.Fatal(err)
		}
		defer at.dir.Close()
		if err := e.lock(ctx, at); err != nil {
			t.Fatalf("got %v; want the lock", err)
		}
	}
	if len(e.locks) != 1 {
		t.Errorf("got %d locks; want 1", len(e.locks))
	}
}

// What several files have of a cluster goes, whatever part of it is left.
func TestRemoveFindsAllOfACluster(t *testing.T) {
	whole := edited(t, emptyText, func(c *Config) error {
		defer c.SetCurrentContext("do-fra1-first")
		return save(newEntry("first", firstID))(c)
	})
	without := func(lists ...string) string {
		return edited(t, whole, func(c *Config) error {
			for _, list := range lists {
				c.main.remove(list, []string{"do-fra1-first" + map[string]string{usersList: "-admin"}[list]})
			}
			return nil
		})
	}
	other := strings.NewReplacer(firstID, secondID).Replace(whole)
	// As kubectl leaves it.
	stale := strings.Replace(emptyText, `current-context: ""`, "current-context: do-fra1-first", 1)
	admin := []string{"do-fra1-first-admin"}
	user := without(clustersList, contextsList)
	tests := map[string]struct {
		files, want []string
		users       []string // that are removed
	}{
		"two copies":     {files: []string{whole, whole}, want: []string{emptyText, emptyText}, users: admin},
		"no context":     {files: []string{without(contextsList)}, want: []string{stale}, users: admin},
		"no cluster":     {files: []string{without(clustersList)}, want: []string{emptyText}, users: admin},
		"no user":        {files: []string{without(usersList)}, want: []string{emptyText}},
		"a user alone":   {files: []string{user}, want: []string{stale}, users: admin},
		"user elsewhere": {files: []string{without(usersList), user}, want: []string{emptyText, emptyText}, users: admin},
		"another user":   {files: []string{whole, user}, want: []string{emptyText, emptyText}, users: admin},
		"hidden other":   {files: []string{whole, other}, want: []string{emptyText, other}, users: admin},
	}
	for name, test := range tests {
		for _, by := range []string{firstID, "first", "do-fra1-first"} {
			t.Run(name+" by "+by, func(t *testing.T) {
				var paths []string
				for i, text := range test.files {
					paths = append(paths, write(t, filepath.Join(t.TempDir(), string(rune('a'+i))), text))
				}
				var gone Removed
				mustEdit(t, func(c *Config) (err error) { gone, err = c.Remove(by); return err }, paths...)
				for i, want := range test.want {
					if diff := cmp.Diff(want, read(t, paths[i])); diff != "" {
						t.Errorf("file %d: %s", i, diff)
					}
				}
				if !slices.Equal(gone.Users, test.users) || !slices.Equal(gone.ClusterIDs, []string{firstID}) {
					t.Errorf("got %q of %q removed; want %q of %s", gone.Users, gone.ClusterIDs, test.users, firstID)
				}
			})
		}
	}
}
