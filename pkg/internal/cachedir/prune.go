package cachedir

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
	"github.com/doks-auth/doks-auth/pkg/internal/sealed"
)

const (
	pruneEvery = 24 * time.Hour
	// pruneFor limits one pruning, because someone may be waiting for the program to exit.
	pruneFor = 100 * time.Millisecond
	// Temporary files, failures and locks that haven't been used for this long are no longer needed.
	leftover = time.Hour
)

// stampName is the file whose modification time is that of the last pruning. It is replaced rather than touched,
// because it may be somebody's link.
const stampName = "last-pruned"

// pruneMark is the stamp's text if the last pruning ran out of time, with the number of files it had left in place.
const pruneMark = "# Pruning goes on after %d files.\n"

// Prune removes files that are no longer needed, at most once a day. It stops after a tenth of a second, and
// the next call continues where it stopped. Call it after delivering a credential that was Put. It returns no
// error, because nothing depends on it. It hangs on an unresponsive network file system.
func (d *Dir) Prune() {
	skip, due := d.pruneDue()
	if !due || d.writeStamp("") != nil { // first, so that others don't prune as well
		return
	}
	if left, done := d.prune(skip); !done {
		d.writeStamp(fmt.Sprintf(pruneMark, left))
	}
}

// writeStamp replaces whatever has the stamp's name with a new stamp.
func (d *Dir) writeStamp(text string) error {
	return privatefile.Write(filepath.Join(d.path, stampName), []byte(text))
}

// pruneDue reports whether it is time to prune, and how many files to skip.
func (d *Dir) pruneDue() (skip int, due bool) {
	name := filepath.Join(d.path, stampName)
	text, err := readFile(name)
	if err != nil {
		return 0, d.path != ""
	}
	if n, _ := fmt.Sscanf(string(text), pruneMark, &skip); n == 1 {
		return skip, true
	}
	return 0, !d.recent(name, pruneEvery)
}

// prune removes expired and unreadable entries with their failures and locks, and leftovers of
// crashes. It touches only files with the cache's names, since the directory may be shared. It removes an entry
// only under its lock, so as not to remove a new one. It skips the first skip files, in directory
// order. If it runs out of time, it returns how many files it has left in place, otherwise done.
func (d *Dir) prune(skip int) (left int, done bool) {
	dir, err := os.Open(d.path)
	if err != nil {
		return 0, true
	}
	defer dir.Close()
	gone := make(map[string]bool) // by key: whether its files were removed
	for end := time.Now().Add(d.pruneFor); ; {
		names, err := dir.Readdirnames(100)
		if err != nil {
			return left, true
		}
		for _, name := range names {
			if left < skip {
				left++
				continue
			}
			if !d.pruneFile(name, gone) {
				left++
			}
			if !time.Now().Before(end) {
				return left, false
			}
		}
		if !time.Now().Before(end) {
			return 0, true // skipping alone took all the time
		}
	}
}

// pruneFile removes a file, with the others of its key, if they are no longer needed, and reports whether it did.
func (d *Dir) pruneFile(name string, gone map[string]bool) bool {
	base, suffix, _ := strings.Cut(name, ".")
	path := filepath.Join(d.path, name)
	if strings.HasSuffix(suffix, privatefile.TempSuffix) {
		isOurs := sealed.IsName(base) || strings.HasPrefix(name, tagName) || strings.HasPrefix(name, stampName)
		return isOurs && !d.recent(path, leftover) && os.RemoveAll(path) == nil
	}
	if sealed.IsName(base) && strings.HasSuffix(suffix, asideSuffix) {
		e := readAside(filepath.Join(d.path, base), path)
		return d.spent(e) && !d.recent(path, leftover) && os.RemoveAll(path) == nil
	}
	if !sealed.IsName(base) || !isSuffix("."+suffix) {
		return false
	}
	if _, known := gone[base]; !known {
		gone[base] = d.removeSpent(filepath.Join(d.path, base))
	}
	return gone[base]
}

// removeSpent removes a key's files if they are no longer needed and not in use.
func (d *Dir) removeSpent(base string) bool {
	if d.recent(base+lockSuffix, leftover) || !d.spent(readEntry(base)) {
		return false
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	removed, err := Entry{base: base}.Remove(now, d.spent)
	return removed && err == nil // otherwise the next pruning tries again
}

// spent reports whether a key's files are no longer needed: the entry isn't valid, and no file has changed
// recently.
func (d *Dir) spent(e Entry) bool {
	if d.recent(e.base+failureSuffix, leftover) || d.recent(e.base+entrySuffix, leftover) {
		return false
	}
	return e.Err != nil || !d.now().Before(e.ExpiresAt)
}

// recent reports whether a file was changed less than age ago. A time further in the future than age is
// wrong and doesn't count.
func (d *Dir) recent(path string, age time.Duration) bool {
	info, err := os.Lstat(path)
	return err == nil && d.now().Sub(info.ModTime()).Abs() < age
}
