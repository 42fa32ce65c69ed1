package cmd

import (
	"context"
	"strconv"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// slowShared is from when on a shared cache costs so much time that it helps little: answers are waited for at most
// twice as long.
const slowShared = 300 * time.Millisecond

// checkSharedCache examines the shared cache, if there is one.
func (d *doctor) checkSharedCache(ctx context.Context) []finding {
	const check = "shared cache"
	o := d.acting
	if d.shared.file != "" {
		o = d.options
	}
	if o.sharedServer() == nil {
		return nil
	}
	cache, err := o.openShared(ctx, nil, 0)
	if err != nil {
		f := failure(check, err)
		if credential.ClassOf(err) == credential.Unreachable {
			f.Status = statusWarning // everything works without it
		}
		return []finding{f}
	}
	took, err := cache.server.Probe()
	switch {
	case err != nil:
		return []finding{warning(check, "", "%v", err)}
	case took > slowShared:
		return []finding{warning(check, "use one that is nearer: each miss waits for some answers",
			"%s takes %s to answer", cache.address, took.Round(time.Millisecond))}
	}
	encrypted := "encrypted"
	if !cache.address.IsEncrypted() {
		encrypted = "not encrypted"
	}
	held := strconv.Itoa(len(cache.names))
	if cache.cut {
		held = "at least " + held
	}
	found := []finding{ok(check, "%s answers in %s, %s; of %s credentials in it, %d are of accounts that are found here",
		cache.address, took.Round(100*time.Microsecond), encrypted, held, len(cache.found(ctx)))}
	if file := d.acting.shared.file; file != "" {
		if why, advice := accessOfOthers(file); why != "" {
			found = append(found, warning(check, advice, "others can read %s, which may contain a password", file))
		}
	}
	return found
}
