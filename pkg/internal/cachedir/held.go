package cachedir

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// Held is an entry while its key is locked.
type Held struct {
	Entry
	unlock func()
}

// Hold waits for the lock of the entry's key until ctx is done, and returns the entry as it is then. It may be absent.
// Release must be called.
func (e Entry) Hold(ctx context.Context) (*Held, error) {
	unlock, err := privatefile.Lock(ctx, e.base+lockSuffix)
	switch {
	case err == nil:
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return nil, err
	default: // nothing can be locked here, so nobody has locked it
		unlock = func() {}
	}
	now := readEntry(e.base)
	if e.Aside {
		now = readAside(e.base, e.path)
	}
	now.temps = e.temps
	return &Held{now, unlock}, nil
}

// Release releases the lock.
func (h *Held) Release() { h.unlock() }

// SetAside renames the entry's file, so that no Get finds the entry any more. It is for a credential that is about to
// be revoked: whoever needs one waits for the lock, and if this process is killed in between, nobody is given a
// credential that may be revoked, but another process can still find it and go on.
func (h *Held) SetAside() error {
	to := h.base + "." + rand.Text() + asideSuffix
	if err := privatefile.Rename(h.path, to); err != nil {
		return err
	}
	h.path, h.Aside = to, true
	return nil
}

// PutBack undoes SetAside, unless the cache has another entry for the key by now: whoever waits too long for the lock
// goes on without it.
func (h *Held) PutBack() error {
	to := h.base + entrySuffix
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := privatefile.Rename(h.path, to); err != nil {
		return err
	}
	h.path, h.Aside = to, false
	return nil
}

// Remove removes the entry, and the key's other files unless it was set aside and there is another entry.
func (h *Held) Remove() error {
	if h.Aside {
		if err := os.Remove(h.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, err := os.Lstat(h.base + entrySuffix); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, temp := range h.temps {
		if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return removeFiles(h.base)
}

// Remove removes the entry under its key's lock, which it waits for until ctx is done. It first calls still with the
// current entry, removes it only if that returns true, and reports whether it did: see [Held.Remove].
func (e Entry) Remove(ctx context.Context, still func(Entry) bool) (bool, error) {
	held, err := e.Hold(ctx)
	if err != nil {
		return false, err
	}
	defer held.Release()
	if !still(held.Entry) {
		return false, nil
	}
	if err := held.Remove(); err != nil {
		return false, err
	}
	return true, nil
}

// removeFiles removes a key's files, and whatever else has their names. A lock that remains does no harm: Windows
// doesn't remove one that is held.
func removeFiles(base string) error {
	for _, suffix := range []string{entrySuffix, failureSuffix, judgmentSuffix} {
		if err := os.RemoveAll(base + suffix); err != nil {
			return err
		}
	}
	os.RemoveAll(base + lockSuffix) // last: until then nobody else can take it
	return nil
}

// Read returns the credential in an entry of key's, even if it was set aside. It returns a miss as Get does.
func (d *Dir) Read(_ context.Context, e Entry, key credential.Key) (credential.Credential, error) {
	seal, err := d.seal(key)
	if err != nil {
		return credential.Credential{}, err
	}
	data, err := readFile(e.path)
	if err != nil {
		return credential.Credential{}, err
	}
	return seal.open(data)
}
