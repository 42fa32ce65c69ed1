package kubeconfig

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/doks-auth/doks-auth/pkg/internal/atomicfile"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/filelock"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// A file that is a mount of its own, as containers have kubeconfigs, can't be replaced: its name belongs to the mount.
// It is written in place. A copy of both texts is kept until that is done, and tells a half-written file from one that
// somebody else has changed since.

// isMount reports whether a file couldn't be replaced because it is a mount: Linux says EBUSY, and the file systems of
// some containers say that a rename isn't permitted, or crosses devices.
func isMount(err error) bool {
	return errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EXDEV) || errors.Is(err, syscall.EPERM)
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

// overwrite writes a file in place.
func (b backups) overwrite(ctx context.Context, r replacement) error {
	if b.dir == "" {
		return ErrNoBackups
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	unlock, err := b.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	f, err := r.spot.place.openForWriting(r.info)
	if err != nil {
		return err
	}
	defer f.Close()
	path := r.spot.place.path()
	record, err := json.Marshal(backup{path, r.raw, r.text})
	if err != nil {
		return err
	}
	if err := atomicfile.Replace(b.file(path), record, "backup-*", nil); err != nil {
		return err
	}
	if err := overwrite(f, r.text); err != nil {
		if overwrite(f, r.raw) == nil {
			os.Remove(b.file(path))
		}
		return err
	}
	return os.Remove(b.file(path))
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
