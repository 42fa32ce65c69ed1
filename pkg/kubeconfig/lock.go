package kubeconfig

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/filelock"
)

// kubectl locks a kubeconfig by a file <kubeconfig>.lock, which it creates with O_EXCL and removes.
// The lock outlives a process that is killed. Those of this package hold the operating system's lock
// on that file as well: so a lock file that says it is one of them, and that nobody has locked, was
// left by the dead, and is taken over.

const (
	lockSuffix = ".lock"
	lockMark   = "doks-auth\n" // what a lock file of this package holds; kubectl's are empty
)

// lockAll locks the files, those that can be. For the others it tells why they can't.
func lockAll(ctx context.Context, paths []string) (unlock func(), unlockable map[string]error, err error) {
	unlockable = make(map[string]error)
	var unlocks []func()
	unlock = func() {
		for _, unlock := range slices.Backward(unlocks) {
			unlock()
		}
	}
	for _, path := range lockNames(paths) {
		unlockOne, err := lock(ctx, path)
		if ctx.Err() != nil && err != nil {
			unlock()
			return nil, nil, err
		}
		if err != nil {
			unlockable[path] = err
			continue
		}
		unlocks = append(unlocks, unlockOne)
	}
	return unlock, unlockable, nil
}

// lockNames returns the names to lock, in the order in which everybody locks them: the given ones, as
// kubectl does, and where they lead.
func lockNames(paths []string) []string {
	var names []string
	for _, path := range paths {
		names = append(names, canonical(path))
		if target, err := resolve(path); err == nil {
			names = append(names, target)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// canonical returns the one spelling of a path that all its spellings have, but for a link at its end.
func canonical(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return abs
	}
	return filepath.Join(dir, filepath.Base(abs))
}

// lock waits for the lock of a file. The error is ctx's when it is held for too long.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	unlock, err = filelock.Wait(ctx, func() (func(), error) { return tryLock(path + lockSuffix) })
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && errors.Is(err, ctx.Err()) {
		return nil, &credential.Error{
			Err:  fmt.Errorf("waiting for another program to unlock kubeconfig %q: it didn't", path),
			Hint: fmt.Sprintf("if no program is at it, one that crashed left the lock: remove %q", path+lockSuffix),
		}
	}
	return unlock, err
}

// tryLock makes the lock file, or takes over one whose holder is dead. It returns nil while somebody
// has it.
func tryLock(name string) (unlock func(), err error) {
	if isOurs(name) {
		return takeOver(name)
	}
	if _, err := os.Lstat(name); err == nil {
		return nil, nil
	}
	// Made under another name first, so that it is marked and locked from its first moment on.
	temp, err := os.CreateTemp(filepath.Dir(name), tempPrefix(filepath.Base(name))+"*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(temp.Name())
	if _, err := temp.WriteString(lockMark); err != nil {
		temp.Close()
		return nil, err
	}
	temp.Close()
	release, err := filelock.Try(temp.Name(), false)
	if err == nil && release != nil {
		if err = os.Link(temp.Name(), name); err == nil {
			removeDeadLocks(name)
			return unlocker(name, release), nil
		}
		release()
	}
	switch {
	case err == nil, errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist): // somebody was faster
		return nil, nil
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, fs.ErrPermission):
		return lockWithoutLinks(name)
	}
	return nil, err
}

// removeDeadLocks removes what those left that were killed before their lock had its name.
func removeDeadLocks(name string) {
	temps, err := siblings(filepath.Join(filepath.Dir(name), tempPrefix(filepath.Base(name))))
	if err != nil {
		return
	}
	for _, temp := range temps {
		if release, err := filelock.Try(temp, false); err == nil && release != nil {
			os.Remove(temp)
			release()
		}
	}
}

// isOurs tells whether a lock file is one of this package's.
func isOurs(name string) bool {
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() != int64(len(lockMark)) {
		return false
	}
	mark, err := os.ReadFile(name)
	return err == nil && string(mark) == lockMark
}

// lockWithoutLinks does it on a file system that has no hard links. Killed between two lines, it
// leaves a lock as kubectl would.
func lockWithoutLinks(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(lockMark)
	f.Close()
	if err != nil {
		os.Remove(name)
		return nil, err
	}
	return takeOver(name)
}

// takeOver takes a lock file of this package's that is there, unless its holder lives.
func takeOver(name string) (unlock func(), err error) {
	release, err := filelock.Try(name, false)
	if errors.Is(err, fs.ErrNotExist) || err == nil && release == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !isOurs(name) { // it may be kubectl's by now
		release()
		return nil, nil
	}
	return unlocker(name, release), nil
}

func unlocker(name string, release func()) func() {
	return func() {
		removed := os.Remove(name) == nil
		release()
		if !removed {
			os.Remove(name) // Windows removes no file that is open
		}
	}
}
