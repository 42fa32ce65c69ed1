package kubeconfig

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checkAlone fails unless a file stands alone in its directory, with that text.
func checkAlone(t *testing.T, path, want string) {
	t.Helper()
	if got := read(t, path); got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("got the files %v, %v; want the kubeconfig alone", files, err)
	}
}

// When its time is over an edit ends, whatever it is at, and what it is at comes to nothing.
func TestEditEndsWithItsContext(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "config"), emptyText)
	ctx, cancel := context.WithCancel(t.Context())
	begun, goOn, returned := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		returned <- Edit(ctx, []string{path}, func(c *Config) error {
			close(begun)
			<-goOn
			return save(newEntry("first", firstID))(c)
		})
	}()
	<-begun
	if _, err := os.Lstat(path + lockSuffix); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-returned; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want %v", err, context.Canceled)
	}
	checkAlone(t, path, emptyText)
	close(goOn)
	mustEdit(t, func(*Config) error { return nil }, path) // the lock can be had again
	checkAlone(t, path, emptyText)
	if err := Edit(ctx, []string{path}, save(newEntry("first", firstID))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want %v", err, context.Canceled)
	}
	checkAlone(t, path, emptyText)
}

// After its end an edit makes no step any more; one in which the file system is stuck doesn't keep what
// others left from being taken away.
func TestStepsEnd(t *testing.T) {
	e := &editing{step: make(chan struct{}, 1)}
	undone := 0
	step := func() (func(), error) { return func() { undone++ }, nil }
	if err := e.do(step); err != nil {
		t.Fatal(err)
	}
	inside, goOn, returned := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		returned <- e.do(func() (func(), error) {
			close(inside)
			<-goOn
			return step()
		})
	}()
	<-inside
	e.end()
	if undone != 1 {
		t.Errorf("beside a step that is stuck: got %d undone; want 1", undone)
	}
	close(goOn)
	if err := <-returned; err != nil || undone != 2 {
		t.Errorf("after the step that was stuck: got %d undone, %v; want 2", undone, err)
	}
	if err := e.do(step); err != errEnded || undone != 2 {
		t.Errorf("got %v, %d undone; want %v, 2", err, undone, errEnded)
	}
}

// A panic leaves the file as it was, and no lock.
func TestEditPanics(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "config"), emptyText)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), editPanics+"="+path)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "panic: on purpose") {
		t.Errorf("got %v, %s; want a panic", err, out)
	}
	checkAlone(t, path, emptyText)
}

// A process that is killed as soon as its lock file has its name leaves it under two. Both go.
func TestLockLeftUnderTwoNames(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "config"), emptyText)
	temp := filepath.Join(filepath.Dir(path), tempPrefix("config"+lockSuffix)+"x")
	if err := os.Link(write(t, path+lockSuffix, lockMark), temp); err != nil {
		t.Skip(err)
	}
	mustEdit(t, func(*Config) error { return nil }, path)
	checkAlone(t, path, emptyText)
}
