package cachedir

import (
	"context"
	"errors"
	"fmt"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// Lock implements credential.Store with a lock on a separate file, since each Put replaces the entry. Waiting
// callers get it in no particular order.
func (d *Dir) Lock(ctx context.Context, key credential.Key) (unlock func(), err error) {
	seal, err := d.seal(key)
	if err != nil {
		return nil, err
	}
	if err = d.create(); err == nil {
		unlock, err = privatefile.Lock(ctx, seal.path(lockSuffix))
	}
	if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return unlock, err
	}
	if reason := Check(d.path); reason != nil {
		err = fmt.Errorf("%w: %w", reason, err)
	}
	return nil, err
}
