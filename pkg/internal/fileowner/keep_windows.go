package fileowner

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// Keep gives a file that openfile.Create created the access control list of the one at path, where the process may:
// otherwise it stays private to this user. It returns the permissions that may stay: all.
func Keep(f *os.File, _ fs.FileInfo, path string) fs.FileMode {
	const all = 0o777
	descriptor, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return all
	}
	list, _, err := descriptor.DACL()
	if err != nil || list == nil {
		return all
	}
	which := windows.SECURITY_INFORMATION(windows.DACL_SECURITY_INFORMATION | windows.UNPROTECTED_DACL_SECURITY_INFORMATION)
	if control, _, err := descriptor.Control(); err != nil || control&windows.SE_DACL_PROTECTED != 0 {
		which = windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION
	}
	windows.SetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT, which, nil, nil, list, nil)
	return all
}
