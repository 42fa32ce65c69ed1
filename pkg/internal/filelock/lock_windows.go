package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"

	"github.com/doks-auth/doks-auth/pkg/internal/openfile"
)

// lock is flock.Flock for files that can be read while they are locked, and removed by the lock's holder.
type lock struct {
	path   string
	create bool
	file   *os.File // nil until it is locked
}

func newLock(path string, create bool) *lock { return &lock{path: path, create: create} }

// TryLock takes the lock, or returns false.
func (l *lock) TryLock() (bool, error) {
	if info, err := os.Stat(l.path); err == nil && info.IsDir() {
		if l.create {
			return false, ErrNotAFile // without opening it: its name may stay until it is closed if it is removed
		}
		return l.tryDirectory()
	}
	flag := os.O_RDONLY | openfile.NoFollow
	if l.create {
		flag |= os.O_CREATE
	}
	file, err := openfile.Open(l.path, flag, 0o600)
	if err != nil {
		return false, err
	}
	// Windows keeps others from reading what is locked, so this is a byte far behind the contents.
	far := &windows.Overlapped{Offset: 0xffffffff, OffsetHigh: 0x7fffffff}
	err = windows.LockFileEx(windows.Handle(file.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, far)
	return l.got(file, err)
}

// tryDirectory locks a directory. LockFileEx can't, but only one process at a time can open it to add files without
// letting others do so. Nobody else has to: adding a file opens the file.
func (l *lock) tryDirectory() (bool, error) {
	path, err := windows.UTF16PtrFromString(l.path)
	if err != nil {
		return false, err
	}
	const addFile = windows.FILE_WRITE_DATA // its meaning for directories
	handle, err := windows.CreateFile(path, addFile|windows.FILE_READ_ATTRIBUTES,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_DELETE, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		return l.got(nil, &os.PathError{Op: "open", Path: l.path, Err: err})
	}
	return l.got(os.NewFile(uintptr(handle), l.path), nil)
}

// got keeps a file that has been locked, unless err says that it couldn't be.
func (l *lock) got(file *os.File, err error) (bool, error) {
	switch {
	case err == nil:
		l.file = file
		return true, nil
	case file != nil:
		file.Close()
	}
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		return false, nil
	}
	return false, err
}

// Stat describes the file that is locked.
func (l *lock) Stat() (os.FileInfo, error) { return l.file.Stat() }

// Unlock releases the lock.
func (l *lock) Unlock() error { return l.file.Close() }
