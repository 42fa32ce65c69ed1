package kubeconfig

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// editMounted in the environment makes the test's binary a process that edits a kubeconfig which is a mount of its own:
// the file that is mounted, where, the backups, and how often, separated by colons.
const editMounted = "DOKS_AUTH_TEST_EDIT_MOUNTED"

// runMounted is the process that editMounted asks for.
func runMounted(how string) error {
	parts := strings.Split(how, ":")
	from, at, dir, times := parts[0], parts[1], parts[2], parts[3]
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	flags := uintptr(syscall.MS_BIND)
	if err := syscall.Mount(from, at, "", flags, ""); err != nil {
		return err
	}
	if times == "read-only" {
		if err := syscall.Mount("", at, "", flags|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			return err
		}
	}
	for i := 0; i == 0 || times == "forever"; i++ {
		edit := save(newEntry("first", firstID))
		if i%2 == 1 {
			edit = remove(firstID)
		}
		if times == "nothing" {
			edit = func(*Config) error { return nil }
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		err := Editor{Backups: dir}.Edit(ctx, []string{at}, edit)
		cancel()
		if err != nil && credential.ClassOf(err) != credential.NotFound {
			return err
		}
		if i == 0 {
			fmt.Println("edited")
		}
	}
	return nil
}

// mounted returns a process that edits a file which is mounted over another one.
func mounted(t *testing.T, from, at, backups, times string) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), editMounted+"="+strings.Join([]string{from, at, backups, times}, ":"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	return cmd
}

// newMount returns a file with that text, a place to mount it and a directory for backups.
func newMount(t *testing.T, text string) (from, at, backups string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"from", "at"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	from = write(t, filepath.Join(dir, "from", "config"), text)
	return from, write(t, filepath.Join(dir, "at", "config"), "# below the mount\n"), filepath.Join(dir, "state",
		"kubeconfig")
}

func mustRun(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "operation not permitted") {
			t.Skipf("no mounts here: %s", out)
		}
		t.Fatalf("%v: %s", err, out)
	}
}

// A file that is a mount of its own is written in place, and leaves nothing in the backups.
func TestMountedFile(t *testing.T) {
	before := kubeconfigs["kubectl's"]
	from, at, backups := newMount(t, before)
	mustRun(t, mounted(t, from, at, backups, "once"))
	if diff := cmp.Diff(edited(t, before, save(newEntry("first", firstID))), read(t, from)); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
	if left, err := filepath.Glob(filepath.Join(backups, "*"+backupSuffix)); err != nil || len(left) > 0 {
		t.Errorf("got the backups %q, %v; want none", left, err)
	}
	if got := read(t, at); got != "# below the mount\n" {
		t.Errorf("below the mount: got %q; want it as it was", got)
	}
	for name, want := range map[string]string{"": ErrNoBackups.Error(), backups: syscall.EROFS.Error()} {
		how := map[string]string{"": "once", backups: "read-only"}[name]
		write(t, from, before)
		out, err := mounted(t, from, at, name, how).CombinedOutput()
		if err == nil || !strings.Contains(string(out), want) || read(t, from) != before {
			t.Errorf("with backups in %q: got %v, %s; want %s", name, err, out, want)
		}
	}
}

// Killed at any moment, a write in place leaves the old text or the new one, in the file or in the backup, and the next
// edit restores it.
func TestKilledWritesInPlace(t *testing.T) {
	kills := 30 // each takes more than a second with the race detector
	if given, err := strconv.Atoi(os.Getenv("KUBECONFIG_KILLS")); err == nil {
		kills = given
	}
	without := kubeconfigs["kubectl's"] + strings.Repeat("# a long comment\n", 1<<14)
	with := edited(t, without, save(newEntry("first", firstID)))
	from, at, backups := newMount(t, without)
	mustRun(t, mounted(t, from, at, backups, "nothing"))
	torn, restored := 0, 0
	for i := range kills {
		cmd := mounted(t, from, at, backups, "forever")
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
		waitForChange(t, from, i)
		cmd.Process.Kill()
		cmd.Wait()
		text := read(t, from)
		isWhole := text == with || text == without
		if !isWhole {
			torn++
			left, err := filepath.Glob(filepath.Join(backups, "*"+backupSuffix))
			if err != nil || len(left) != 1 {
				t.Fatalf("got the backups %q, %v; want one of the torn file", left, err)
			}
		}
		mustRun(t, mounted(t, from, at, backups, "nothing"))
		if text := read(t, from); text != with && text != without {
			t.Fatalf("after the next edit: %d bytes of neither text", len(text))
		} else if !isWhole {
			restored++
		}
	}
	t.Logf("%d kills: %d of them left a half-written file, %d were restored", kills, torn, restored)
	if torn == 0 {
		t.Error("no kill hit a write: the test shows nothing")
	}
	if left, err := filepath.Glob(filepath.Join(backups, "*"+backupSuffix)); err != nil || len(left) > 0 {
		t.Errorf("got the backups %q, %v; want none", left, err)
	}
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
