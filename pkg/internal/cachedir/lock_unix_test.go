//go:build unix

// Not for Windows: it needs named pipes, sockets, links and other users.

package cachedir

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// systemSpoilers are spoilers for this system.
var systemSpoilers = map[string]func(path string) error{
	"unreadable":          func(path string) error { return os.WriteFile(path, nil, 0) },
	"named pipe":          func(path string) error { return syscall.Mkfifo(path, 0o600) },
	"dangling link":       func(path string) error { return os.Symlink("nothing", path) },
	"link to a directory": func(path string) error { return os.Symlink(filepath.Dir(path), path) },
	"link to itself":      func(path string) error { return os.Symlink(path, path) },
	"link to a file": func(path string) error {
		return errors.Join(os.WriteFile(path+"-target", nil, 0o600), os.Symlink(path+"-target", path))
	},
	"socket": func(path string) error {
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
		if err != nil {
			return err
		}
		listener.SetUnlinkOnClose(false)
		return listener.Close()
	},
}

// asNobody returns a directory of another user's, and what makes a command that runs this test's binary
// as that user.
func asNobody(t *testing.T) (dir string, command func() *exec.Cmd) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	home, err := os.MkdirTemp("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	dir, program := filepath.Join(home, "cache"), filepath.Join(home, "program")
	err = errors.Join(os.Chmod(home, 0o755), os.Mkdir(dir, 0o700), os.Chown(dir, nobody, nobody),
		copyFile(os.Args[0], program))
	if err != nil {
		t.Skip(err)
	}
	return dir, func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env = []string{mintIn + "=" + dir}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		return cmd
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// Root once left its files in the user's cache. It then costs the user one mint, not one a process.
func TestRootsFilesAreReplaced(t *testing.T) {
	write := func(suffix string, mode os.FileMode) func(base string) error {
		return func(base string) error { return os.WriteFile(base+suffix, []byte("root's"), mode) }
	}
	directory := func(suffix string) func(base string) error {
		return func(base string) error { return os.MkdirAll(filepath.Join(base+suffix, "below"), 0o700) }
	}
	tests := map[string]func(base string) error{
		"lock":      write(lockSuffix, 0o600),
		"open lock": write(lockSuffix, 0o644),
		"entry":     write(entrySuffix, 0o600),
		"failure":   write(failureSuffix, 0o600),
		"temp file": write(entrySuffix+".1"+privatefile.TempSuffix, 0o600),
		"tag": func(base string) error {
			return os.WriteFile(filepath.Join(filepath.Dir(base), stampName), nil, 0o600)
		},
		"lock directory":  directory(lockSuffix),
		"entry directory": directory(entrySuffix),
		"link":            func(base string) error { return os.Symlink("/etc/passwd", base+lockSuffix) },
		"all": func(base string) error {
			return errors.Join(write(lockSuffix, 0o600)(base), write(entrySuffix, 0o600)(base))
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			dir, command := asNobody(t)
			if err := spoil(newSeal(dir, key, accessToken).base); err != nil {
				t.Fatal(err)
			}
			var wait sync.WaitGroup
			for range 40 {
				wait.Go(func() {
					if out, err := command().CombinedOutput(); err != nil {
						t.Errorf("%v: %s", err, out)
					}
				})
			}
			wait.Wait()
			if mints, err := os.ReadFile(filepath.Join(dir, "mints")); err != nil || len(mints) != 1 {
				t.Errorf("got %d mints, %v; want 1", len(mints), err)
			}
		})
	}
}

// A lock that another user holds, in a file of its own, isn't waited for.
func TestAnothersLockIsNotWaitedFor(t *testing.T) {
	dir, command := asNobody(t)
	path := newSeal(dir, key, accessToken).path(lockSuffix)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if out, err := command().CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// In a directory that isn't this user's, or can't be written, nothing is removed, and the error says why.
func TestNoLockInAnothersDirectory(t *testing.T) {
	tests := map[string]struct {
		uid  int
		mode os.FileMode
		want string
	}{
		"root's":     {0, 0o755, "belongs to user 0, and this is user 65534"},
		"unwritable": {nobody, 0o500, "its mode is 0500"},
		"unreadable": {nobody, 0o100, "its mode is 0100"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir, command := asNobody(t)
			path := newSeal(dir, key, accessToken).path(lockSuffix)
			err := errors.Join(os.WriteFile(path, nil, 0o600), os.WriteFile(filepath.Join(dir, "mints"), nil, 0o622),
				os.Chmod(filepath.Join(dir, "mints"), 0o622), os.Chown(dir, test.uid, test.uid), os.Chmod(dir, test.mode))
			if err != nil {
				t.Fatal(err)
			}
			out, err := command().CombinedOutput()
			if err == nil || !strings.Contains(string(out), test.want) {
				t.Errorf("got %v, %q; want %q", err, out, test.want)
			}
			if _, err := os.Lstat(path); err != nil {
				t.Errorf("it is gone: %v", err)
			}
		})
	}
}
