package kubeconfig

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/filelock"
)

// kubectl locks a kubeconfig with a file <kubeconfig>.lock, which it creates with O_EXCL and removes. The file
// outlives a killed process. This package marks its lock files and holds the operating system's lock on them as
// well: a marked one that nobody has locked was left by a dead process, and is taken over.

const (
	lockSuffix = ".lock"
	lockMark   = "doks-auth\n" // the contents of this package's lock files; kubectl's are empty
)

// lockAll locks the files that can be locked, and notes where they are, or why they can't be. Paths are resolved
// here, and not again. A missing file that won't be created isn't locked: that would create its directory.
func (e *editing) lockAll(ctx context.Context, paths []string) error {
	given, targets := make(map[string]string), make(map[string]string)
	anyExists := slices.ContainsFunc(paths, func(path string) bool { return !isNull(path) && exists(path) })
	last := lastOf(paths)
	if !anyExists && last != "" {
		os.MkdirAll(directory(last), 0o700) // now, so that .. in it can be resolved
	}
	for _, path := range paths {
		given[path] = canonical(path)
		targets[path], e.unlockable[path] = resolve(path)
	}
	var names []string // kubectl locks the path as given; this package its target too
	for _, path := range paths {
		if isNull(path) { // on Windows, nothing can be beside it
			given[path], targets[path], e.unlockable[path] = "", "", boundedfile.ErrNotRegular
			continue
		}
		willExist := !anyExists && targets[path] == targets[last]
		if !exists(path) && !willExist {
			given[path], targets[path], e.unlockable[path] = "", "", errMoved
			continue
		}
		names = append(names, given[path], cmp.Or(targets[path], given[path]))
	}
	slices.Sort(names) // the same order for all, so that there is no deadlock
	for _, name := range slices.Compact(names) {
		at, err := openPlace(name)
		if err == nil {
			e.do(func() (func(), error) { return func() { at.dir.Close() }, nil })
			err = e.lock(ctx, at)
		}
		if ctx.Err() != nil && err != nil {
			return err
		}
		for _, path := range paths {
			if targets[path] == name && at.dir != nil {
				e.places[path] = at
			}
			if targets[path] == name || given[path] == name {
				e.unlockable[path] = cmp.Or(e.unlockable[path], err)
			}
		}
	}
	return nil
}

// lock waits for the lock of a file. The error is a *LockedError when ctx's deadline passes before.
func (e *editing) lock(ctx context.Context, at place) error {
	lock := at.beside(at.name + lockSuffix)
	if e.holds(lock) {
		return nil
	}
	err, held := e.wait(ctx, lock.tryLock), lock.path()
	if _, statErr := lock.dir.Lstat(lock.name); cannotReplace(err) && errors.Is(statErr, fs.ErrNotExist) {
		otherErr := e.wait(ctx, func() (func(), error) { return e.backups.tryLock(at.path()) })
		if otherErr == nil {
			return nil
		}
		if ctx.Err() != nil {
			err, held = otherErr, e.backups.lockFile(at.path())
		}
	}
	if err == nil {
		e.locks = append(e.locks, lock)
	}
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && errors.Is(err, ctx.Err()) {
		return &LockedError{at.path(), held}
	}
	return err
}

// wait waits for a lock, which it keeps until the end.
func (e *editing) wait(ctx context.Context, try func() (unlock func(), err error)) error {
	_, err := filelock.Wait(ctx, func() (unlock func(), err error) {
		err = e.do(func() (func(), error) {
			unlock, err = try()
			return unlock, err
		})
		return unlock, err
	})
	return err
}

// holds reports whether a lock file is one that the edit has already, under another name: where the file system
// ignores case, or a directory is mounted twice.
func (e *editing) holds(lock place) bool { return slices.ContainsFunc(e.locks, lock.isSame) }

// tryLock creates the lock file, or takes over a dead process's. The error is filelock.ErrHeld while one holds it.
func (p place) tryLock() (unlock func(), err error) {
	if p.isOurs() {
		return p.takeOver()
	}
	if _, err := p.dir.Lstat(p.name); err == nil {
		return nil, filelock.ErrHeld
	}
	// Created under another name, so that it is marked and locked from the start.
	temp := p.beside(tempPrefix(p.name) + rand.Text())
	if err := temp.mark(); err != nil {
		return nil, err
	}
	defer temp.dir.Remove(temp.name)
	release, err := filelock.Try(temp.path(), false)
	if err == nil {
		if err = p.dir.Link(temp.name, p.name); err == nil {
			p.removeDeadLocks()
			return p.unlocker(release), nil
		}
		release()
	}
	switch {
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist): // another process was faster
		return nil, filelock.ErrHeld
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, fs.ErrPermission):
		return p.lockWithoutLinks()
	}
	return nil, err
}

// mark creates a lock file with this package's mark.
func (p place) mark() error {
	f, err := p.dir.OpenFile(p.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(lockMark)
	f.Close()
	if err != nil {
		p.dir.Remove(p.name)
	}
	return err
}

// isOurs reports whether a lock file has this package's mark.
func (p place) isOurs() bool {
	mark, _, err := p.read(int64(len(lockMark)))
	return err == nil && string(mark) == lockMark
}

// lockWithoutLinks is tryLock for a file system without hard links. Killed midway, it leaves a lock as kubectl would.
func (p place) lockWithoutLinks() (unlock func(), err error) {
	err = p.mark()
	if errors.Is(err, fs.ErrExist) {
		return nil, filelock.ErrHeld
	}
	if err != nil {
		return nil, err
	}
	return p.takeOver()
}

// takeOver takes a lock file of this package's, unless its holder lives.
func (p place) takeOver() (unlock func(), err error) {
	release, err := filelock.Try(p.path(), false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, filelock.ErrHeld // its holder removed it just now
	}
	if err != nil {
		return nil, err
	}
	if !p.isOurs() { // it may be kubectl's by now
		release()
		return nil, filelock.ErrHeld
	}
	p.removeDeadLocks()
	return p.unlocker(release), nil
}

// unlocker returns a function that removes the lock file, unless another process has replaced it.
func (p place) unlocker(release func()) func() {
	own, err := p.dir.Lstat(p.name)
	isOwn := func() bool {
		now, nowErr := p.dir.Lstat(p.name)
		return err == nil && nowErr == nil && os.SameFile(own, now)
	}
	return func() {
		removed := isOwn() && p.dir.Remove(p.name) == nil
		release()
		if !removed && isOwn() {
			p.dir.Remove(p.name) // Windows removes no file that is open
		}
	}
}

// removeDeadLocks removes what killed processes left: lock files that didn't have their final name yet, or had both.
func (p place) removeDeadLocks() {
	for _, temp := range p.siblings(tempPrefix(p.name)) {
		if temp.isSame(p) { // another name of the lock that is held
			temp.dir.Remove(temp.name)
			continue
		}
		if release, err := filelock.Try(temp.path(), false); err == nil {
			temp.dir.Remove(temp.name)
			release()
		}
	}
}
