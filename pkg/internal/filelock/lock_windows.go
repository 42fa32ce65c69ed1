package filelock

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/windows"

	"github.com/doks-auth/doks-auth/pkg/internal/openfile"
)

// lock is flock.Flock for files that can be read while they are locked, and removed by the lock's holder.
type lock struct {
	path   string
	create bool
	file   *os.File    // nil until it is locked
	dir    os.FileInfo // what is locked, if that is a directory
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
	// Windows keeps others from reading what is locked, so this is a byte far beyond the contents.
	far := &windows.Overlapped{Offset: 0xffffffff, OffsetHigh: 0x7fffffff}
	err = windows.LockFileEx(windows.Handle(file.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, far)
	return l.got(file, err)
}

// directoryLock is the name of the file that stands for its directory while that is locked.
const directoryLock = ".doks-auth.lock"

// tryDirectory locks a directory. LockFileEx can't, and as long as one is open without being shared for writing, nobody
// can rename a file into it, not even its holder: Windows opens the directory to do so. So this opens a file in it that
// nobody else can open, and that is gone when it is closed, however its process ends.
func (l *lock) tryDirectory() (bool, error) {
	dir, err := os.Open(l.path)
	if err != nil {
		return l.got(nil, err)
	}
	l.dir, err = dir.Stat()
	dir.Close()
	if err != nil {
		return false, err
	}
	name := filepath.Join(l.path, directoryLock)
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return false, err
	}
	const attributes = windows.FILE_ATTRIBUTE_HIDDEN | windows.FILE_ATTRIBUTE_TEMPORARY |
		windows.FILE_FLAG_DELETE_ON_CLOSE | windows.FILE_FLAG_OPEN_REPARSE_POINT
	for range 10 {
		var handle windows.Handle
		// It gets the directory's access control list, so whoever may create files in the directory can open this one.
		handle, err = windows.CreateFile(path, windows.DELETE|windows.FILE_READ_ATTRIBUTES, 0, nil, windows.OPEN_ALWAYS,
			attributes, 0)
		if err == nil {
			return l.got(os.NewFile(uintptr(handle), name), nil)
		}
		if !errors.Is(err, windows.ERROR_ACCESS_DENIED) {
			break
		}
		// Where a file that a scanner has open keeps its name until that is closed, the last lock's may still be there.
		if _, statErr := os.Lstat(name); errors.Is(statErr, windows.ERROR_ACCESS_DENIED) {
			return false, nil
		}
		time.Sleep(time.Millisecond) // it is gone by now, or somebody else's
	}
	return l.got(nil, &os.PathError{Op: "open", Path: name, Err: err})
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

// Stat describes the file or directory that is locked.
func (l *lock) Stat() (os.FileInfo, error) {
	if l.dir != nil {
		return l.dir, nil
	}
	return l.file.Stat()
}

// Unlock releases the lock.
func (l *lock) Unlock() error { return l.file.Close() }
