package cachedir

import (
	"context"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/filelock"
)

// Lock implements credential.Store by a lock on a file of its own, since the entry is replaced by
// each Put. Those who wait get it in no order.
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
	return filelock.Wait(ctx, func() (func(), error) { return filelock.Try(path, true) })
}
