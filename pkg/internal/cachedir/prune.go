package cachedir

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	pruneEvery = 24 * time.Hour
	// pruneFor bounds one pruning: a program's end may be waited for.
	pruneFor = 100 * time.Millisecond
	// Nobody takes this long over a temporary file, or needs a failure or a lock that was last used
	// so long ago.
	leftover = time.Hour
)

// stampName is the file whose time is that of the last pruning. It is replaced, never touched, as it may be a
// link that somebody made.
const stampName = "last-pruned"

// pruneMark is what the stamp says while a pruning has stopped for want of time, with how many files it left.
const pruneMark = "# Pruning goes on after %d files.\n"

// Prune removes what will never be used again, once a day at most. It stops after a tenth of a second, and
// the next call goes on from there. It is for whoever put a credential, after that was given out: nothing
// depends on it, and so it reports nothing. On a network file system that doesn't answer it hangs.
func (d *Dir) Prune() {
	skip, due := d.pruneDue()
	if !due || d.writeStamp("") != nil { // first, so that others don't prune as well
		return
	}
	if left, done := d.prune(skip); !done {
		d.writeStamp(fmt.Sprintf(pruneMark, left))
	}
}

// writeStamp puts a new stamp in place of whatever has its name.
func (d *Dir) writeStamp(text string) error {
	return writeFile(filepath.Join(d.path, stampName), []byte(text))
}

// pruneDue tells whether it is time to prune, and how many files to skip.
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

// prune removes expired and unreadable entries with their failures and locks, and what crashes left
// behind; nothing that isn't the cache's by its name, as the directory may be another's too. An entry
// goes only under its lock, so that it isn't a new one that goes. It skips so many files, in the order that
// the system has them in, and tells how many it left before its time was over, or that it is done.
func (d *Dir) prune(skip int) (left int, done bool) {
	dir, err := os.Open(d.path)
	if err != nil {
		return 0, true
	}
	defer dir.Close()
	gone := make(map[string]bool) // the keys that were looked at
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
			return 0, true // there are too many files that stay
		}
	}
}

// pruneFile removes a file, with all of its key's, if they are of no more use. It tells whether it is gone.
func (d *Dir) pruneFile(name string, gone map[string]bool) bool {
	base, suffix, _ := strings.Cut(name, ".")
	path := filepath.Join(d.path, name)
	if strings.HasSuffix(suffix, tempSuffix) {
		isOurs := isName(base) || strings.HasPrefix(name, tagName) || strings.HasPrefix(name, stampName)
		return isOurs && !d.recent(path, leftover) && os.RemoveAll(path) == nil
	}
	if !isName(base) || !isSuffix("."+suffix) {
		return false
	}
	if _, known := gone[base]; !known {
		gone[base] = d.removeSpent(filepath.Join(d.path, base))
	}
	return gone[base]
}

// removeSpent removes a key's files if they are of no more use, and nobody is at work on them.
func (d *Dir) removeSpent(base string) bool {
	if d.recent(base+lockSuffix, leftover) || !d.spent(readEntry(base)) {
		return false
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	removed, err := Entry{base: base}.Remove(now, d.spent)
	return removed && err == nil // what can't be removed is tried again another day
}

// isName tells whether a file's name without suffixes is one that newSeal makes.
func isName(base string) bool {
	raw, err := hex.DecodeString(base)
	return err == nil && len(raw) == nameSize
}

// spent tells whether a key's files are of no more use: no entry that is still valid, and nothing
// that happened lately.
func (d *Dir) spent(e Entry) bool {
	if d.recent(e.base+failureSuffix, leftover) || d.recent(e.base+entrySuffix, leftover) {
		return false
	}
	return e.Err != nil || !d.now().Before(e.ExpiresAt)
}

// recent tells whether a file was changed in the given time before now. A time that is as far in the future
// is wrong, and tells nothing.
func (d *Dir) recent(path string, age time.Duration) bool {
	info, err := os.Lstat(path)
	return err == nil && d.now().Sub(info.ModTime()).Abs() < age
}
