// Not for Windows: it needs mounts, and limits on files.

package kubeconfig

import (
	"bufio"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// A file that is a mount of its own is written in place, and leaves nothing in the backups.
func TestMountedFile(t *testing.T) {
	before := kubeconfigs["kubectl's"]
	from, at, backups := newMount(t, before)
	mustRun(t, mountedEdit{From: from, At: at, Backups: backups, Edits: "once"}.process(t))
	if diff := gocmp.Diff(edited(t, before, save(newEntry("first", firstID))), read(t, from)); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
	if left := backupsIn(t, backups); len(left) > 0 {
		t.Errorf("got the backups %q; want none", left)
	}
	if got := read(t, at); got != "# below the mount\n" {
		t.Errorf("below the mount: got %q; want it as it was", got)
	}
	for name, want := range map[string]string{"": ErrNoBackups.Error(), backups: syscall.EROFS.Error()} {
		write(t, from, before)
		m := mountedEdit{From: from, At: at, Backups: name, ReadOnly: name != "", Edits: "once"}
		out, err := m.process(t).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) || read(t, from) != before {
			t.Errorf("with backups in %q: got %v, %s; want %s", name, err, out, want)
		}
	}
}

// Killed at any moment, a write in place leaves the old text or the new one, in the file or in the backup, and the next
// edit restores it.
func TestKilledWritesInPlace(t *testing.T) {
	kills := 20 // each takes more than a second with the race detector
	if given, err := strconv.Atoi(os.Getenv("KUBECONFIG_KILLS")); err == nil {
		kills = given
	}
	without := kubeconfigs["kubectl's"] + strings.Repeat("# a long comment\n", 1<<15)
	t.Run("mount", func(t *testing.T) {
		from, at, backups := newMount(t, without)
		killEdits(t, mountedEdit{From: from, At: at, Backups: backups}, from, without, kills)
	})
	t.Run("directory", func(t *testing.T) {
		at, backups := newLockedDir(t, without)
		killEdits(t, mountedEdit{At: at, Backups: backups, UID: nobody}, at, without, kills/2)
	})
}

// killEdits kills so many edits of the file at path, and more if no kill hits a write: on a busy machine few do.
func killEdits(t *testing.T, m mountedEdit, path, without string, kills int) {
	t.Helper()
	with := edited(t, without, save(newEntry("first", firstID)))
	none, forever := m, m
	none.Edits, forever.Edits = "none", "forever"
	mustRun(t, none.process(t))
	torn, restored := 0, 0
	killed := 0
	for ; killed < kills || torn == 0 && killed < 20*kills; killed++ {
		cmd := forever.process(t)
		cmd.Stderr = os.Stderr
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
			t.Fatalf("%q, %v", line, err)
		}
		waitForChange(t, path, killed)
		cmd.Process.Kill()
		cmd.Wait()
		text := read(t, path)
		isWhole := text == with || text == without
		if !isWhole {
			torn++
			if left := backupsIn(t, m.Backups); len(left) != 1 {
				t.Fatalf("got the backups %q; want one of the torn file", left)
			}
		}
		mustRun(t, none.process(t))
		if text := read(t, path); text != with && text != without {
			t.Fatalf("after the next edit: %d bytes of neither text", len(text))
		} else if !isWhole {
			restored++
		}
	}
	t.Logf("%d kills: %d of them left a half-written file, %d were restored", killed, torn, restored)
	if torn == 0 {
		t.Error("no kill hit a write: the test shows nothing")
	}
	if left := backupsIn(t, m.Backups); len(left) > 0 {
		t.Errorf("got the backups %q; want none", left)
	}
}

func backupsIn(t *testing.T, dir string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, "*"+backupSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// waitForChange waits until the file is being written, and a bit more.
func waitForChange(t *testing.T, path string, i int) {
	t.Helper()
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		now, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if !now.ModTime().Equal(before.ModTime()) {
			break
		}
	}
	if i%2 == 1 {
		for start, pause := time.Now(), rand.N(2*time.Millisecond); time.Since(start) < pause; {
			continue
		}
	}
}

// nobody is a user who isn't root.
const nobody = 65534

// newOpenDir returns a directory that every user can reach.
func newOpenDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "doks-auth-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	chmod(t, dir, 0o755)
	return dir
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// newLockedDir returns a file that anybody may write, in a directory that only root may, and a directory for backups.
func newLockedDir(t *testing.T, text string) (path, backups string) {
	t.Helper()
	dir := newOpenDir(t)
	backups = filepath.Join(dir, "state")
	for _, sub := range []string{filepath.Join(dir, "at"), backups} {
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	chmod(t, backups, 0o777)
	path = write(t, filepath.Join(dir, "at", "config"), text)
	chmod(t, path, 0o666)
	return path, backups
}

// Wherever the directory doesn't let a file be replaced, but the file may be written, it is written in place, with a
// backup, and also where no lock file can be created.
func TestDirectoriesThatKeepTheirFiles(t *testing.T) {
	before := kubeconfigs["kubectl's"]
	isImmutable := func(t *testing.T, path string) {
		if out, err := exec.Command("chattr", "+i", path).CombinedOutput(); err != nil {
			t.Skipf("no attributes here: %s", out)
		}
		t.Cleanup(func() { exec.Command("chattr", "-i", path).Run() })
	}
	tests := map[string]struct {
		edit    func(t *testing.T, path string) mountedEdit
		want    string // part of the error, if it can't be written
		without bool   // a directory for backups
	}{
		"may not be written": {edit: func(*testing.T, string) mountedEdit { return mountedEdit{UID: nobody} }},
		"sticky": {edit: func(t *testing.T, path string) mountedEdit {
			chmod(t, filepath.Dir(path), 0o777|os.ModeSticky)
			return mountedEdit{UID: nobody}
		}},
		"immutable": {edit: func(t *testing.T, path string) mountedEdit {
			isImmutable(t, filepath.Dir(path))
			return mountedEdit{}
		}},
		"read-only around a mount": {edit: func(t *testing.T, path string) mountedEdit {
			dir, from := filepath.Dir(path), filepath.Join(newOpenDir(t), "from")
			if err := os.Link(path, from); err != nil {
				t.Fatal(err)
			}
			setup := fmt.Sprintf("mount --bind %q %q; mount -o remount,bind,ro %q", dir, dir, dir)
			return mountedEdit{Setup: setup, From: from}
		}},
		"a link's": {edit: func(t *testing.T, path string) mountedEdit {
			link := filepath.Join(newOpenDir(t), "link")
			if err := os.Symlink(path, link); err != nil {
				t.Fatal(err)
			}
			return mountedEdit{At: link, UID: nobody}
		}},
		"no backups": {edit: func(*testing.T, string) mountedEdit { return mountedEdit{UID: nobody} },
			want: "permission denied", without: true},
		"backups that may not be written": {edit: func(t *testing.T, path string) mountedEdit {
			chmod(t, filepath.Join(path, "..", "..", "state"), 0o755)
			return mountedEdit{UID: nobody}
		}, want: "permission denied"},
		"nor its file": {edit: func(t *testing.T, path string) mountedEdit {
			chmod(t, path, 0o644)
			return mountedEdit{UID: nobody}
		}, want: "writing kubeconfig %q: permission denied"},
		"an immutable file": {edit: func(t *testing.T, path string) mountedEdit {
			isImmutable(t, path)
			return mountedEdit{}
		}, want: "writing kubeconfig %q: operation not permitted"},
		"sticky, and the file another's": {edit: func(t *testing.T, path string) mountedEdit {
			chmod(t, filepath.Dir(path), 0o777|os.ModeSticky)
			chmod(t, path, 0o644)
			return mountedEdit{UID: nobody}
		}, want: "writing kubeconfig %q: permission denied"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path, backups := newLockedDir(t, before)
			was, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			m := test.edit(t, path)
			m.At, m.Backups = cmp.Or(m.At, path), backups
			if test.without {
				m.Backups = ""
			}
			for edits, want := range map[string]string{
				"once": edited(t, before, save(newEntry("first", firstID))), "both": before,
			} {
				m.Edits = edits
				if test.want == "" {
					mustRun(t, m.process(t))
				} else {
					want = before
					said := strings.ReplaceAll(test.want, "%q", strconv.Quote(path))
					if out, err := m.process(t).CombinedOutput(); err == nil || !strings.Contains(string(out), said) {
						t.Errorf("got %v, %s; want %s", err, out, said)
					}
				}
				if diff := gocmp.Diff(want, read(t, path)); diff != "" {
					t.Errorf("%s: want -, got +\n%s", edits, diff)
				}
			}
			if now, err := os.Stat(path); err != nil || !os.SameFile(was, now) || now.Mode() != was.Mode() && test.want == "" {
				t.Errorf("got %v, %v; want the same file", now, err)
			}
			for dir, want := range map[string]int{filepath.Dir(path): 1, backups: 0} {
				files, err := os.ReadDir(dir)
				files = slices.DeleteFunc(files, func(f os.DirEntry) bool { return f.Name() == "lock" })
				if err != nil || len(files) != want {
					t.Errorf("%s: got the files %v, %v; want %d", dir, files, err, want)
				}
			}
		})
	}
}

// Where no lock file can be created, this user's processes still take turns.
func TestCrowdInALockedDirectory(t *testing.T) {
	path, backups := newLockedDir(t, kubeconfigs["kubectl's"])
	m := mountedEdit{At: path, Backups: backups, UID: nobody, Edits: "crowd"}
	mustRun(t, m.process(t))
	saved := 0
	for _, id := range load(t, read(t, path)).ClusterIDs() {
		if strings.HasPrefix(id, "f1ee7000") {
			saved++
		}
	}
	if saved != crowd {
		t.Errorf("got %d clusters; want %d", saved, crowd)
	}
}

// What a killed process left is told from what somebody else has written since.
func TestRestore(t *testing.T) {
	const before, after = "users: null # the old text\n", "users: [] # the new text, which is longer\n"
	zeros := after[:8] + strings.Repeat("\x00", len(after)-8)
	tests := map[string]struct {
		text, want string
		kept       bool // the backup
	}{
		"not begun":     {before, before, false},
		"done":          {after, after, false},
		"half written":  {after[:10] + before[10:], before, false},
		"half restored": {before[:5] + after[5:10] + before[10:], before, false},
		"not truncated": {before + after[len(before):], before, false},
		"lost power":    {zeros, before, false},
		"edited since":  {"users: null\ncontexts: null\n", "users: null\ncontexts: null\n", false},
		"truncated":     {"", "", false},
		"broken since":  {"users: [\n", "users: [\n", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), "config"), test.text)
			b := backups{t.TempDir()}
			record := `{"path": "` + path + `", "old": "` + base64Of(before) + `", "new": "` + base64Of(after) + `"}`
			write(t, b.file(path), record)
			err := Editor{Backups: b.dir}.Edit(t.Context(), []string{path}, func(*Config) error { return nil })
			if readErr, ok := errors.AsType[*ReadError](err); err != nil && !(ok && test.kept) {
				t.Errorf("got %v, %v; want it edited", err, readErr)
			}
			if got := read(t, path); got != test.want {
				t.Errorf("got %q; want %q", got, test.want)
			}
			if _, err := os.Stat(b.file(path)); (err == nil) != test.kept {
				t.Errorf("the backup: got %v; want it kept: %v", err, test.kept)
			}
		})
	}
}

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
