package cachedir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/filelock"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
)

// Lock implements credential.Store with a lock on a separate file, since each Put replaces the entry. Waiting
// callers get it in no particular order.
func (d *Dir) Lock(ctx context.Context, key credential.Key) (unlock func(), err error) {
	seal, err := d.seal(key)
	if err != nil {
		return nil, err
	}
	if err = d.create(); err == nil {
		unlock, err = lock(ctx, seal.path(lockSuffix))
	}
	if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return unlock, err
	}
	if reason := Check(d.path); reason != nil {
		err = fmt.Errorf("%w: %w", reason, err)
	}
	return nil, err
}

// lock waits for the lock on the file at path as Lock does.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	return filelock.Wait(ctx, func() (func(), error) { return tryLock(path) })
}

// tryLock takes the lock on the file at path. The error is filelock.ErrHeld while another process holds it.
// If the directory belongs to this user, anything at path but a lock file of this user is replaced by one.
func tryLock(path string) (unlock func(), err error) {
	unlock, err = filelock.Try(path, true)
	dir := filepath.Dir(path)
	if !spoilt(path, err) || !isOwn(dir) {
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
	if err := clearAway(path); err != nil {
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
