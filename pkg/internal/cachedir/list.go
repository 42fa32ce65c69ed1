package cachedir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
	"github.com/doks-auth/doks-auth/pkg/internal/sealed"
)

// Entry is what can be known about a key's files without the access token.
type Entry struct {
	Name   string // of the files, without a suffix
	Absent bool   // there is no entry, only a failure, a lock or a crash's leftovers
	Aside  bool   // it was set aside: Get doesn't find it
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
	path  string   // of the entry's own file
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
		if _, statErr := os.Stat(path); errors.Is(statErr, fs.ErrNotExist) { // else it is a file, on Windows
			return nil, nil
		}
	}
	if err != nil {
		return nil, err
	}
	var entries, aside []Entry
	for _, file := range files {
		base, suffix, _ := strings.Cut(file.Name(), ".")
		isTemp, isAside := strings.HasSuffix(suffix, privatefile.TempSuffix), strings.HasSuffix(suffix, asideSuffix)
		if !sealed.IsName(base) || !isTemp && !isAside && !isSuffix("."+suffix) {
			continue // not the cache's
		}
		base = filepath.Join(path, base)
		if isAside {
			aside = append(aside, readAside(base, filepath.Join(path, file.Name())))
			continue
		}
		if len(entries) == 0 || entries[len(entries)-1].base != base {
			entries = append(entries, readEntry(base))
		}
		if isTemp {
			last := &entries[len(entries)-1]
			last.temps = append(last.temps, filepath.Join(path, file.Name()))
		}
	}
	entries = append(entries, aside...)
	slices.SortStableFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

// File returns the name of the entry's file.
func (e Entry) File() string { return filepath.Base(e.path) }

// isSuffix reports whether s is the suffix of one of a key's files.
func isSuffix(s string) bool {
	return s == entrySuffix || s == failureSuffix || s == judgmentSuffix || s == lockSuffix
}

// readEntry returns the entry whose files are at base.
func readEntry(base string) Entry {
	e := Entry{base: base, path: base + entrySuffix, FailureOf: failedCluster(base + failureSuffix)}
	e.read()
	return e
}

// readAside returns the entry of the files at base that was set aside at path.
func readAside(base, path string) Entry {
	e := Entry{base: base, path: path, Aside: true}
	e.read()
	return e
}

// read reads the entry's file.
func (e *Entry) read() {
	e.Name = filepath.Base(e.base)
	data, err := readFile(e.path)
	var head sealed.Header
	if err == nil {
		head, err = sealed.HeaderOf(data)
	}
	if err != nil {
		miss, ok := errors.AsType[*credential.MissError](err)
		e.Absent, e.Err = ok && miss.Reason == absent, err
		return
	}
	e.ClusterID, e.Server, e.Expiry = head.ClusterID, head.Server, head.Expiry
	e.FetchedAt, e.ExpiresAt = head.FetchedAt, head.ExpiresAt
}

// IsOf reports whether the entry has the name that key's has, which can't be found without the access token. It
// says nothing about the contents, which only Get authenticates.
func (d *Dir) IsOf(e Entry, key credential.Key) bool {
	seal, err := d.seal(key)
	return err == nil && seal.base == e.base
}
