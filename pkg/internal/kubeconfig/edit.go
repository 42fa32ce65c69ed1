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

// Edit reads the files under kubectl's lock, lets edit change what they say, and writes those that it
// changed. It waits for the lock until ctx ends.
//
// When ctx ends, Edit gives the locks back and returns, whatever edit is at: nothing of it is written then,
// and edit may still run. However it ends, a panic in edit included, it leaves no lock and no other file.
func Edit(ctx context.Context, paths []string, edit func(*Config) error) error {
	e := &editing{step: make(chan struct{}, 1), unlockable: make(map[string]error), places: make(map[string]place)}
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

// editing is an edit that is being made. All that leaves something in the file system is done in steps,
// after whose end there are no more.
type editing struct {
	step chan struct{} // full while a step is made

	mu    sync.Mutex // guards what follows
	ended bool
	undo  []func() // takes away what was left so far

	places     map[string]place // by path: where the locked files are
	locks      []place          // the lock files that are held
	unlockable map[string]error // by path: why a file couldn't be locked

	written bool // files have been replaced, but for the failure err
	err     error
}

var errEnded = errors.New("the edit has ended")

// do makes a step, which returns what is to be done about it at the end.
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

// stuck bounds how long a step is waited for, each of which is a call or two of the file system's.
const stuck = time.Second

// end undoes what the steps left, once.
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
	return e.write(changes)
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
