package cachedir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// Entry is what can be known about a key's files without the access token.
type Entry struct {
	Name   string // of the files, without a suffix
	Absent bool   // there is no entry, only a failure, a lock or a crash's leftovers
	Err    error  // why the entry can't be used, or is absent: a *credential.MissError

	// These are from the header, unless Err is set. They prove nothing: anyone who can write to the directory
	// could have written them, and the texts may be anything. Only Get authenticates an entry.
	ClusterID            string
	Server               string
	Expiry               time.Duration // the requested lifetime
	FetchedAt, ExpiresAt time.Time

	// FailureOf is the cluster of the remembered failure, if there is one. It proves nothing, either.
	FailureOf string

	base  string   // the files' path without a suffix
	temps []string // the paths of temporary files, left behind or about to be renamed
}

// List returns the entries of the directory at path, sorted by name. It needs no access token, takes no lock and
// writes nothing. A directory that doesn't exist has no entries.
func List(path string) ([]Entry, error) {
	if path == "" {
		return nil, errNoDirectory
	}
	files, err := os.ReadDir(path) // sorted
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, file := range files {
		base, suffix, _ := strings.Cut(file.Name(), ".")
		isTemp := strings.HasSuffix(suffix, privatefile.TempSuffix)
		if !isName(base) || !isTemp && !isSuffix("."+suffix) {
			continue // not the cache's
		}
		base = filepath.Join(path, base)
		if len(entries) == 0 || entries[len(entries)-1].base != base {
			entries = append(entries, readEntry(base))
		}
		if isTemp {
			last := &entries[len(entries)-1]
			last.temps = append(last.temps, filepath.Join(path, file.Name()))
		}
	}
	return entries, nil
}

// isSuffix reports whether s is the suffix of one of a key's files.
func isSuffix(s string) bool {
	return s == entrySuffix || s == failureSuffix || s == judgmentSuffix || s == lockSuffix
}

// readEntry returns the entry whose files are at base.
func readEntry(base string) Entry {
	e := Entry{Name: filepath.Base(base), base: base, FailureOf: failedCluster(base + failureSuffix)}
	data, err := readFile(base + entrySuffix)
	var head header
	if err == nil {
		head, _, err = splitEntry(data)
	}
	if err != nil {
		miss, ok := errors.AsType[*credential.MissError](err)
		e.Absent, e.Err = ok && miss.Reason == absent, err
		return e
	}
	e.ClusterID, e.Server, e.Expiry = head.ClusterID, head.Server, head.Expiry
	e.FetchedAt, e.ExpiresAt = head.FetchedAt, head.ExpiresAt
	return e
}

// IsOf reports whether the entry has the name that key's has, which can't be found without the access token. It
// says nothing about the contents, which only Get authenticates.
func (d *Dir) IsOf(e Entry, key credential.Key) bool {
	seal, err := d.seal(key)
	return err == nil && seal.base == e.base
}

// Remove removes all files of the entry's key, under the key's lock, which it waits for until ctx is done. It then
// calls still with the current entry, removes the files only if that returns true, and reports whether it did.
func (e Entry) Remove(ctx context.Context, still func(Entry) bool) (bool, error) {
	unlock, err := privatefile.Lock(ctx, e.base+lockSuffix)
	switch {
	case err == nil:
		defer unlock()
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return false, err
	} // else nothing can be locked here, so nobody has locked it
	if !still(readEntry(e.base)) {
		return false, nil
	}
	for _, temp := range e.temps {
		if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	if err := removeFiles(e.base); err != nil {
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
