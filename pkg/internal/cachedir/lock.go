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

// Lock implements credential.Store by a lock on a file of its own, since the entry is replaced by
// each Put. Those who wait get it in no order.
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

// tryLock takes the lock on the file at path. The error is filelock.ErrHeld while somebody else has it.
// In a directory of this user's, whatever has the path and isn't a lock file of this user's is replaced by one.
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
	// One at a time, so that nobody removes what another has just put there and locked.
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

// spoilt reports whether what has a lock's path can't serve as one: something else than a file, or somebody
// else's, who could hold it for ever, or what failed for want of permission. Nobody of this user's holds
// its lock then.
func spoilt(path string, err error) bool {
	info, statErr := os.Lstat(path)
	if statErr != nil {
		return false
	}
	return !info.Mode().IsRegular() || !fileowner.IsOwn(info) || errors.Is(err, fs.ErrPermission)
}

// isOwn reports whether there is a directory of this user's at path.
func isOwn(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir() && fileowner.IsOwn(info)
}
