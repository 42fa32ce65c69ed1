package kubeconfig

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/doks-auth/doks-auth/pkg/internal/atomicfile"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/filelock"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// Some files can't be replaced: one that is a mount of its own, as containers have kubeconfigs, or one in a directory
// that may not be written to, though the file may. Such a file is written in place. A copy of both texts is kept until
// that is done, and tells a half-written file from one that somebody else has changed since.

// cannotReplace reports whether an error of creating or renaming a file says that the directory or its file system
// doesn't allow it. For a mount, Linux says EBUSY. Some file systems of containers say that a rename isn't permitted,
// crosses devices or isn't supported.
func cannotReplace(err error) bool {
	for _, reason := range []error{
		syscall.EBUSY, syscall.EXDEV, syscall.EPERM, syscall.EACCES, syscall.EROFS, errors.ErrUnsupported,
	} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// backups is a directory with a backup of each file that is being written in place.
type backups struct{ dir string }

// backup holds the texts of a file.
type backup struct {
	Path string `json:"path"`
	Old  []byte `json:"old"`
	New  []byte `json:"new"`
}

const backupSuffix = ".json"

// file returns the path of a file's backup.
func (b backups) file(path string) string {
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(b.dir, hex.EncodeToString(sum[:16])+backupSuffix)
}

// lock waits until no other process writes a file in place: one that is being written looks like one that a killed
// process has left.
func (b backups) lock(ctx context.Context) (unlock func(), err error) {
	return filelock.Wait(ctx, func() (func(), error) { return filelock.Try(filepath.Join(b.dir, "lock"), true) })
}

// tryLock takes the lock of a file in whose directory no lock file can be created. It keeps out this user's processes:
// others that could write the file have the same trouble with the directory.
func (b backups) tryLock(path string) (unlock func(), err error) {
	if b.dir == "" {
		return nil, ErrNoBackups
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return nil, err
	}
	name := b.lockFile(path)
	release, err := filelock.Try(name, true)
	if err != nil {
		return nil, err
	}
	return func() { os.Remove(name); release() }, nil
}

// lockFile returns the path of a file's lock.
func (b backups) lockFile(path string) string {
	return strings.TrimSuffix(b.file(path), backupSuffix) + lockSuffix
}

// overwrite writes a file in place.
func (b backups) overwrite(ctx context.Context, r replacement) error {
	f, err := r.spot.place.openForWriting(r.info)
	if err != nil {
		return err
	}
	defer f.Close()
	if b.dir == "" {
		return ErrNoBackups
	}
	path := r.spot.place.path()
	record, err := json.Marshal(backup{path, r.raw, r.text})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return b.unusable(err)
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return b.unusable(err)
	}
	defer unlock()
	if err := r.check(r.spot); err != nil { // meanwhile, another process may have written it
		return err
	}
	if err := atomicfile.Replace(b.file(path), record, "backup-*", nil); err != nil {
		return b.unusable(err)
	}
	if err := overwrite(f, r.text); err != nil {
		if overwrite(f, r.raw) == nil {
			os.Remove(b.file(path))
		}
		return err
	}
	return os.Remove(b.file(path))
}

// unusable says that it is the directory in which something failed.
func (b backups) unusable(err error) error {
	return fmt.Errorf("keeping its old text in %s: %w", show.Path(b.dir), show.Reason(err))
}

// openForWriting opens a file that must be the one that info says.
func (p place) openForWriting(info fs.FileInfo) (*os.File, error) {
	f, err := p.dir.OpenFile(p.name, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	if now, err := f.Stat(); err != nil || info == nil || !os.SameFile(info, now) {
		f.Close()
		return nil, errMoved
	}
	return f, nil
}

// overwrite gives an open file another text. It is never shorter than both the old text and the new one.
func overwrite(f *os.File, text []byte) error {
	if _, err := f.WriteAt(text, 0); err != nil {
		return err
	}
	if err := f.Truncate(int64(len(text))); err != nil {
		return err
	}
	return f.Sync()
}

// restore gives those of the files their old text back that a killed process has left half-written.
func (e *editing) restore(ctx context.Context, paths []string) error {
	kept, err := filepath.Glob(filepath.Join(e.backups.dir, "*"+backupSuffix))
	if err != nil || e.backups.dir == "" || len(kept) == 0 {
		return nil
	}
	unlock, err := e.backups.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, name := range kept {
		var b backup
		record, err := boundedfile.Read(name, 4*maxFile) // base64 of two texts
		if err != nil || json.Unmarshal(record, &b) != nil {
			continue
		}
		for _, path := range paths {
			at, ok := e.places[path]
			if !ok || e.unlockable[path] != nil || !at.holds(b.Path) {
				continue
			}
			var done bool
			err := e.do(func() (_ func(), err error) { done, err = b.restore(at); return nil, err })
			if err != nil {
				return &WriteError{path, "restoring", show.Reason(err)}
			}
			if done {
				os.Remove(name)
			}
			break
		}
	}
	return nil
}

// holds reports whether a place holds the file that another path leads to.
func (p place) holds(path string) bool {
	here, err := p.dir.Lstat(p.name)
	there, otherErr := os.Lstat(path)
	return p.path() == path || err == nil && otherErr == nil && os.SameFile(here, there)
}

// restore restores the file there if it is half-written. It reports whether the backup is no longer needed.
func (b backup) restore(at place) (done bool, err error) {
	text, info, err := at.read(4 * maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if !b.isTorn(text) {
		_, err := parse(text)
		return err == nil, nil // somebody else's; but if it is broken, the old text is worth keeping
	}
	f, err := at.openForWriting(info)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return true, overwrite(f, b.Old)
}

// isTorn reports whether a text is a mix of the two, as an interrupted write of either over the other leaves it, or a
// power failure, which may leave zeros.
func (b backup) isTorn(text []byte) bool {
	if bytes.Equal(text, b.Old) || bytes.Equal(text, b.New) ||
		len(text) < min(len(b.Old), len(b.New)) || len(text) > max(len(b.Old), len(b.New)) {
		return false
	}
	for i, c := range text {
		isOld, isNew := i < len(b.Old) && c == b.Old[i], i < len(b.New) && c == b.New[i]
		if !isOld && !isNew && c != 0 {
			return false
		}
	}
	return true
}
