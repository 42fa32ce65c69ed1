package kubeconfig

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Editor edits files.
type Editor struct {
	// Backups is a private directory that keeps a file's old text while it is written in place: see Edit. It is created
	// when needed. If it is "", such a file isn't edited.
	Backups string
}

// Edit is [Editor.Edit] without backups.
func Edit(ctx context.Context, paths []string, edit func(*Config) error) error {
	return Editor{}.Edit(ctx, paths, edit)
}

// Edit reads the files under kubectl's lock, calls edit to change what they say, and writes those that changed. It
// waits for the lock until ctx ends; the error is a *LockedError when its deadline passes.
//
// Files are replaced. One that can't be, such as a mount of its own, is written in place: a process that is killed
// meanwhile leaves a part of the new text, and the next Edit with the same Backups restores the old one.
//
// When ctx ends, Edit releases the locks and returns, even while edit runs: nothing of that is written. However
// Edit ends, a panic in edit included, it leaves no lock and no temporary file.
func (editor Editor) Edit(ctx context.Context, paths []string, edit func(*Config) error) error {
	if err := checkPaths(paths); err != nil {
		return err
	}
	e := &editing{
		step: make(chan struct{}, 1), unlockable: make(map[string]error), places: make(map[string]place),
		backups: backups{editor.Backups},
	}
	defer e.end()
	if err := e.lockAll(ctx, paths); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() {
		defer e.end() // also when a panic ends the process
		done <- e.run(ctx, paths, edit)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		e.end()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.written {
		return e.err
	}
	return fmt.Errorf("editing the kubeconfig: %w", ctx.Err())
}

// editing is an edit under way. Whatever leaves something in the file system is a step, and there is none after the
// edit's end.
type editing struct {
	step chan struct{} // full during a step

	mu    sync.Mutex // guards what follows
	ended bool
	undo  []func() // removes what the steps left

	places     map[string]place // by path: where the locked files are
	locks      []place          // the lock files that are held
	backups    backups
	unlockable map[string]error // by path: why a file couldn't be locked

	written bool // files have been replaced; err is what failed of it
	err     error
}

var errEnded = errors.New("the edit has ended")

// do makes a step, which returns how to undo it at the end.
func (e *editing) do(step func() (undo func(), err error)) error {
	e.step <- struct{}{}
	defer func() { <-e.step }()
	if e.hasEnded() {
		return errEnded
	}
	undo, err := step()
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case undo != nil && e.ended: // without having been waited for
		undo()
	case undo != nil:
		e.undo = append(e.undo, undo)
	}
	return err
}

func (e *editing) hasEnded() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.ended
}

// stuck bounds the wait for a step, each of which takes a system call or two.
const stuck = time.Second

// end undoes the steps, once.
func (e *editing) end() {
	select {
	case e.step <- struct{}{}:
		defer func() { <-e.step }()
	case <-time.After(stuck):
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
	for _, undo := range slices.Backward(e.undo) {
		undo()
	}
	e.undo = nil
}

// run makes the edit under the locks.
func (e *editing) run(ctx context.Context, paths []string, edit func(*Config) error) error {
	if err := e.restore(ctx, paths); err != nil {
		return err
	}
	c, err := readAll(paths, e.read)
	if err := cmp.Or(err, ctx.Err()); err != nil {
		return err
	}
	if err := edit(c); err != nil {
		return err
	}
	changes, err := c.Changes()
	if err := cmp.Or(err, ctx.Err()); err != nil {
		return err
	}
	return e.write(ctx, changes)
}

// read reads a file where it is locked.
func (e *editing) read(path string) (*file, error) {
	at, ok := e.places[path]
	if !ok {
		return readFile(path)
	}
	text, info, err := at.read(maxFile)
	f, err := newFile(path, text, err)
	if err == nil {
		f.info, f.spots = info, []spot{{path, at}}
	}
	return f, err
}
