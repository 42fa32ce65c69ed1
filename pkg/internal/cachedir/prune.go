package cachedir

import (
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/internal/filelock"
)

const (
	pruneEvery = 24 * time.Hour
	// Nobody takes this long over a temporary file, or needs a failure or a lock that was last used
	// so long ago.
	leftover = time.Hour
)

// pruneNowAndThen removes what will never be used again, once a day at most.
func (d *Dir) pruneNowAndThen() {
	tag := filepath.Join(d.path, tagName)
	info, err := os.Lstat(tag)
	if err != nil || d.now().Sub(info.ModTime()) < pruneEvery {
		return
	}
	if os.Chtimes(tag, time.Time{}, d.now()) == nil { // first, so that others don't prune as well
		d.prune()
	}
}

// prune removes expired and unreadable entries with their failures and locks, and what crashes
// left behind; nothing that isn't the cache's by its name, as the directory may be another's too. An
// entry goes only under its lock, so that it isn't a new one that goes.
func (d *Dir) prune() {
	files, err := os.ReadDir(d.path)
	if err != nil {
		return
	}
	bases := make(map[string]bool)
	for _, file := range files {
		base, suffix, _ := strings.Cut(file.Name(), ".")
		isTemp := strings.HasSuffix(suffix, tempSuffix)
		switch {
		case isTemp && (isName(base) || strings.HasPrefix(file.Name(), tagName)):
			if d.older(file, leftover) {
				os.Remove(filepath.Join(d.path, file.Name()))
			}
		case isName(base):
			bases[filepath.Join(d.path, base)] = true
		}
	}
	for base := range bases {
		if d.spent(base) {
			d.removeKey(base)
		}
	}
}

// isName tells whether a file's name without suffixes is one that newSeal makes.
func isName(base string) bool {
	raw, err := hex.DecodeString(base)
	return err == nil && len(raw) == nameSize
}

// spent tells whether a key's files are of no more use: no entry that is still valid, and nothing
// that happened lately.
func (d *Dir) spent(base string) bool {
	for _, suffix := range []string{lockSuffix, failureSuffix, entrySuffix} {
		info, err := os.Lstat(base + suffix)
		if err == nil && d.now().Sub(info.ModTime()) < leftover {
			return false
		}
	}
	data, err := readFile(base + entrySuffix)
	if err != nil {
		return true
	}
	head, _, err := splitEntry(data)
	return err != nil || !d.now().Before(head.ExpiresAt)
}

// removeKey removes a key's files, unless somebody is at work on it.
func (d *Dir) removeKey(base string) {
	unlock, err := filelock.Try(base+lockSuffix, true)
	if err != nil || unlock == nil {
		return
	}
	defer unlock()
	if !d.spent(base) {
		return
	}
	removeFiles(base) // what can't be removed is tried again another day
}

func (d *Dir) older(file fs.DirEntry, age time.Duration) bool {
	info, err := file.Info()
	return err == nil && d.now().Sub(info.ModTime()) >= age
}
