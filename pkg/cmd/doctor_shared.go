package cmd

import (
	"context"
	"os"
	"time"

	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// slowShared is from when on a shared cache costs so much time that it helps little: answers are waited for at most
// twice as long.
const slowShared = 300 * time.Millisecond

// checkSharedCache examines the shared cache, if there is one.
func (d *doctor) checkSharedCache(context.Context) []finding {
	const check = "shared cache"
	o := d.acting
	if d.shared.file != "" {
		o = d.options
	}
	if !o.hasShared() {
		return nil
	}
	cache, err := o.openShared(nil)
	if err != nil {
		f := failure(check, err)
		if server, addressErr := o.sharedServer(); addressErr == nil && server != nil {
			f.Status = statusWarning // everything works without it
		}
		return []finding{f}
	}
	address := cache.server.Address()
	took, err := cache.server.Probe()
	switch {
	case err != nil:
		return []finding{warning(check, "", "%v", err)}
	case took > slowShared:
		return []finding{warning(check, "use one that is nearer: each miss waits for some answers",
			"%s takes %s to answer", address, took.Round(time.Millisecond))}
	}
	encrypted := "encrypted"
	if !address.IsEncrypted() {
		encrypted = "not encrypted"
	}
	found := []finding{ok(check, "%s answers in %s, %s; of %d credentials in it, %d are of accounts that are found here",
		address, took.Round(100*time.Microsecond), encrypted, len(cache.names), len(cache.found()))}
	if file := d.acting.shared.file; file != "" {
		if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			found = append(found, warning(check, "chmod 600 "+shellword.Quote(file, "FILE"),
				"others can read %s, which may contain a password", file))
		}
	}
	return found
}
