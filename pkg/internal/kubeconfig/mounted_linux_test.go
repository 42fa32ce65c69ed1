package kubeconfig

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// editMounted in the environment makes the test's binary a process that edits a kubeconfig in a mount namespace of its
// own. It holds a mountedEdit as JSON.
const editMounted = "DOKS_AUTH_TEST_EDIT_MOUNTED"

// mountedEdit says how such a process edits.
type mountedEdit struct {
	Setup    string // a shell script that comes first
	From     string // a file that is mounted at At, unless it is ""
	At       string
	ReadOnly bool // the mount
	UID      int  // who edits

	Backups string
	Edits   string // "once", "forever", "both" (save and remove), "crowd" or "none"
}

// runMounted is the process that editMounted asks for.
func runMounted(how string) error {
	var m mountedEdit
	if err := json.Unmarshal([]byte(how), &m); err != nil {
		return err
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mounting: %w", err)
	}
	if out, err := exec.Command("sh", "-e", "-c", m.Setup).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	const flags = uintptr(syscall.MS_BIND)
	if m.From != "" {
		if err := syscall.Mount(m.From, m.At, "", flags, ""); err != nil {
			return err
		}
	}
	if m.ReadOnly {
		if err := syscall.Mount("", m.At, "", flags|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
			return err
		}
	}
	if m.UID != 0 {
		if err := cmp.Or(syscall.Setgroups(nil), syscall.Setgid(m.UID), syscall.Setuid(m.UID)); err != nil {
			return err
		}
	}
	return m.edit()
}

func (m mountedEdit) edit() error {
	if m.Edits == "crowd" {
		return m.editInCrowd()
	}
	for i := 0; i == 0 || i == 1 && m.Edits == "both" || m.Edits == "forever"; i++ {
		edit := save(newEntry("first", firstID))
		if i%2 == 1 {
			edit = remove(firstID)
		}
		if m.Edits == "none" {
			edit = func(*Config) error { return nil }
		}
		if err := m.editWith(edit); err != nil && credential.ClassOf(err) != credential.NotFound {
			return err
		}
		if i == 0 {
			fmt.Println("edited")
		}
	}
	return nil
}

func (m mountedEdit) editWith(edit func(*Config) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return Editor{Backups: m.Backups}.Edit(ctx, []string{m.At}, edit)
}

// editInCrowd saves many clusters at once.
func (m mountedEdit) editInCrowd() error {
	var all sync.WaitGroup
	errs := make([]error, crowd)
	for i := range errs {
		all.Go(func() {
			errs[i] = m.editWith(save(newEntry(fmt.Sprint("many", i), fmt.Sprintf("f1ee7000-0000-4000-8000-%012x", i))))
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

const crowd = 20

// process returns a process that edits so.
func (m mountedEdit) process(t *testing.T) *exec.Cmd {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount")
	}
	how, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	process := exec.CommandContext(t.Context(), os.Args[0])
	process.Env = append(os.Environ(), editMounted+"="+string(how))
	process.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	return process
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
		if strings.Contains(string(out), "mounting: operation not permitted") {
			t.Skipf("no mounts here: %s", out)
		}
		t.Fatalf("%v: %s", err, out)
	}
}
