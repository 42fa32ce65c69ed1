package openfile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
)

// Flags for Open, besides those of package os.
const (
	NoFollow = windows.FILE_FLAG_OPEN_REPARSE_POINT // open a link at the path's end, rather than follow it
	NoWait   = 0                                    // nothing here waits for a writer
)

const shareAll = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE

// patience bounds the wait for programs that share a file with nobody, as some virus scanners do for a moment.
const patience = 128 * time.Millisecond

// Open is like os.OpenFile for reading, writing and O_CREATE, but others can replace or remove the file while it is open.
// A new file is private to this user if perm gives nobody else access.
func Open(name string, flag int, perm os.FileMode) (*os.File, error) {
	for wait := time.Millisecond; ; wait *= 2 {
		f, err := open(name, flag, perm)
		if wait > patience || !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			return f, err
		}
		time.Sleep(wait)
	}
}

func open(name string, flag int, perm os.FileMode) (*os.File, error) {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	access := uint32(windows.GENERIC_READ)
	switch flag & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR) {
	case os.O_WRONLY:
		access = windows.GENERIC_WRITE
	case os.O_RDWR:
		access |= windows.GENERIC_WRITE
	}
	disposition := uint32(windows.OPEN_EXISTING)
	var security *windows.SecurityAttributes
	if flag&os.O_CREATE != 0 {
		disposition = windows.OPEN_ALWAYS
		if perm&0o077 == 0 {
			if security, err = private(false); err != nil {
				return nil, &os.PathError{Op: "open", Path: name, Err: err}
			}
		}
	}
	// With backup semantics, directories can be opened, too, so that callers can tell them from files.
	attributes := uint32(windows.FILE_ATTRIBUTE_NORMAL|windows.FILE_FLAG_BACKUP_SEMANTICS) | uint32(flag&NoFollow)
	handle, err := windows.CreateFile(path, access, shareAll, security, disposition, attributes, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(handle), name), nil
}

// Create creates a file that must not exist, private to this user, for reading and writing. Others can replace or remove
// it while it is open.
func Create(dir *os.Root, name string) (*os.File, error) {
	file, err := create(dir, name)
	if err != nil {
		return nil, &os.PathError{Op: "create", Path: name, Err: err}
	}
	return file, nil
}

func create(dir *os.Root, name string) (*os.File, error) {
	parent, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	ntName, err := windows.NewNTUnicodeString(name)
	if err != nil {
		return nil, err
	}
	descriptor, err := fileowner.PrivateDescriptor(false)
	if err != nil {
		return nil, err
	}
	attributes := &windows.OBJECT_ATTRIBUTES{
		RootDirectory:      windows.Handle(parent.Fd()),
		ObjectName:         ntName,
		Attributes:         windows.OBJ_CASE_INSENSITIVE | windows.OBJ_DONT_REPARSE,
		SecurityDescriptor: descriptor,
	}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	var handle windows.Handle
	err = windows.NtCreateFile(&handle, windows.FILE_GENERIC_READ|windows.FILE_GENERIC_WRITE|windows.WRITE_DAC, attributes,
		new(windows.IO_STATUS_BLOCK), nil, windows.FILE_ATTRIBUTE_NORMAL, shareAll, windows.FILE_CREATE,
		windows.FILE_SYNCHRONOUS_IO_NONALERT|windows.FILE_NON_DIRECTORY_FILE, 0, 0)
	if status, ok := errors.AsType[windows.NTStatus](err); ok {
		return nil, status.Errno()
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(handle), dir.Name()+`\`+name), nil
}

// MkdirAll creates a directory with missing parents, all private to this user.
func MkdirAll(path string) error {
	info, err := os.Stat(path)
	if err == nil {
		if !info.IsDir() {
			err = &os.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR} // as os.MkdirAll
		}
		return err
	}
	if parent := filepath.Dir(path); parent != path {
		if err := MkdirAll(parent); err != nil {
			return err
		}
	}
	err = Mkdir(path)
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		return nil // another process was faster
	}
	return err
}

// Mkdir creates a directory that is private to this user, and so are files that are created in it without permissions
// of their own.
func Mkdir(path string) error {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	security, err := private(true)
	if err == nil {
		err = windows.CreateDirectory(name, security)
	}
	if err != nil {
		return &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return nil
}

// private returns what makes a new file or directory private to this user.
func private(isDir bool) (*windows.SecurityAttributes, error) {
	descriptor, err := fileowner.PrivateDescriptor(isDir)
	if err != nil {
		return nil, err
	}
	security := &windows.SecurityAttributes{SecurityDescriptor: descriptor}
	security.Length = uint32(unsafe.Sizeof(*security))
	return security, nil
}
