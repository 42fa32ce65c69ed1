package privatefile

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/internal/filelock"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
)

// Lock waits for the lock on the file at path, which it creates, until ctx is done. It tries at least once; while
// another process holds the lock, it fails only with ctx's error. If the directory belongs to this user, anything at
// path but a lock file of this user is replaced by one.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	return filelock.Wait(ctx, func() (func(), error) { return tryLock(path) })
}

// tryLock takes the lock on the file at path. The error is filelock.ErrHeld while another process holds it.
// If the directory belongs to this user, anything at path but a lock file of this user is replaced by one.
func tryLock(path string) (unlock func(), err error) {
	// What is locked here may be replaced before it is looked at afterwards, so it must have been fit before, too.
	fit := !spoilt(path, nil)
	unlock, err = filelock.Try(path, true)
	dir := filepath.Dir(path)
	if fit && !spoilt(path, err) || !isOwn(dir) {
		for range 3 { // it may have been replaced between the two, and again
			if err == nil || errors.Is(err, filelock.ErrHeld) {
				break
			}
			unlock, err = filelock.Try(path, true)
		}
		return unlock, err
	}
	if unlock != nil {
		unlock()
	}
	// One process at a time, so that none removes a file that another has just created and locked.
	release, dirErr := filelock.Try(dir+string(filepath.Separator)+".", false)
	if errors.Is(dirErr, filelock.ErrHeld) {
		return nil, dirErr
	}
	if dirErr != nil {
		return nil, errors.Join(err, dirErr)
	}
	defer release()
	unlock, err = filelock.Try(path, true)
	if !spoilt(path, err) {
		return unlock, err
	}
	if unlock != nil {
		unlock()
	}
	if err := ClearAway(path); err != nil {
		return nil, err
	}
	return filelock.Try(path, true)
}

// spoilt reports whether whatever is at a lock's path can't serve as a lock: it isn't a file, it belongs to another
// user, who could hold it forever, or locking it failed for lack of permission. No process of this user holds it
// then.
func spoilt(path string, err error) bool {
	info, statErr := os.Lstat(path)
	if statErr != nil {
		return false
	}
	return !info.Mode().IsRegular() || !fileowner.IsOwn(info) || errors.Is(err, fs.ErrPermission)
}

// isOwn reports whether path is a directory that belongs to this user.
func isOwn(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir() && fileowner.IsOwn(info)
}
