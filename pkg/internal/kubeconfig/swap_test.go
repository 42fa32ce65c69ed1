//go:build unix

// Not for Windows: it needs links.

package kubeconfig

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Somebody lets the path lead now to one file and now to another, while it is edited: by a link in its
// place, or in that of a directory on the way. Neither file ever gets what was the other's.
func TestSwappedPaths(t *testing.T) {
	edits := 300
	if testing.Short() {
		edits = 50
	}
	for name, onTheWay := range map[string]bool{"link": false, "directory": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			marks := map[string]string{}
			for i, mark := range []string{"# mine", "# yours"} {
				home := filepath.Join(dir, fmt.Sprint("home", i))
				if err := os.Mkdir(home, 0o700); err != nil {
					t.Fatal(err)
				}
				path := write(t, filepath.Join(home, "config"), mark+"\n"+emptyText)
				if err := os.Chmod(path, []os.FileMode{0o600, 0o640}[i]); err != nil {
					t.Fatal(err)
				}
				marks[path] = mark
			}
			path, link := filepath.Join(dir, "path"), filepath.Join(dir, "path")
			to := []string{"home0/config", "home1/config"}
			if onTheWay {
				path, to = filepath.Join(dir, "path", "config"), []string{"home0", "home1"}
			}
			if err := os.Symlink(to[0], link); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			var swapper sync.WaitGroup
			swapper.Go(func() {
				for i := 1; ctx.Err() == nil; i++ {
					next := link + ".next"
					os.Symlink(to[i%2], next)
					os.Rename(next, link)
					time.Sleep(time.Duration(i%7) * 100 * time.Microsecond)
				}
			})
			done := 0
			for i := range edits {
				edit := save(newEntry("first", firstID))
				if i%2 == 1 {
					edit = remove(firstID)
				}
				if Edit(t.Context(), []string{path}, edit) == nil {
					done++
				}
				for path, mark := range marks {
					if got := read(t, path); !strings.HasPrefix(got, mark+"\n") {
						t.Fatalf("after edit %d %s begins with %.20q; want %q", i, path, got, mark)
					}
				}
			}
			stop()
			swapper.Wait()
			t.Logf("%d of %d edits were made", done, edits)
			for path, mark := range marks {
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				if want := map[string]os.FileMode{"# mine": 0o600, "# yours": 0o640}[mark]; info.Mode() != want {
					t.Errorf("%s has mode %v; want %v", path, info.Mode(), want)
				}
				if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
					t.Errorf("left beside %s: %v, %v", path, files, err)
				}
			}
		})
	}
}
