package cachedir

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/filelock"
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
		unlock, err := filelock.Try(path, true)
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
