package cachedir

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"github.com/gofrs/flock"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

const (
	minLockPause = 2 * time.Millisecond
	maxLockPause = 50 * time.Millisecond
)

// Lock implements credential.Store by a lock on a file of its own, since the entry is replaced by
// each Put. Waiting is done by trying again and again, as blocking locks can't be given up; so
// those who wait get it in no order.
func (d *Dir) Lock(ctx context.Context, key credential.Key) (unlock func(), err error) {
	seal, err := d.seal(key)
	if err != nil {
		return nil, err
	}
	if err := d.create(); err != nil {
		return nil, err
	}
	return lock(ctx, seal.path(lockSuffix))
}

// lock waits for the lock on the file at path as Lock does.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	for pause := minLockPause; ; pause = min(2*pause, maxLockPause) {
		unlock, err := tryLock(path)
		if err != nil || unlock != nil {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// tryLock takes the lock on the file at path and returns what gives it back, or nil while somebody
// else has it.
func tryLock(path string) (unlock func(), err error) {
	for range 10 {
		lock := flock.New(path, flock.SetFlag(lockFlags))
		held, err := lock.TryLock()
		if err != nil || !held {
			return nil, err
		}
		// Pruning removes lock files. Between opening it and locking it the file may have gone, and
		// somebody else may have locked a new one.
		mine, err := lock.Stat()
		if err == nil {
			if now, err := os.Lstat(path); err == nil && os.SameFile(mine, now) {
				return func() { lock.Unlock() }, nil
			}
		}
		lock.Unlock()
	}
	return nil, errors.New("the lock's file is another one each time")
}
