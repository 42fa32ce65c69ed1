package fileowner

import (
	"errors"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// PrivateDescriptor returns the security descriptor of a new file or directory that is private to this user, whatever
// the directory that it is created in passes on. Administrators and the system can read everything anyway.
func PrivateDescriptor(isDir bool) (*windows.SECURITY_DESCRIPTOR, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, err
	}
	flags := ""
	if isDir {
		flags = "OICI" // what is created in it inherits it
	}
	text := "D:P" // protected: nothing is inherited
	for _, sid := range []string{user.User.Sid.String(), "SY", "BA"} {
		text += "(A;" + flags + ";FA;;;" + sid + ")"
	}
	return windows.SecurityDescriptorFromString(text)
}

// Errors of CheckPrivate.
var (
	errOwner  = errors.New("it has another owner")
	errAccess = errors.New("others have access")
)

// IsOwnOrRoots reports whether an open file belongs to this user, to the administrators or to the system.
func IsOwnOrRoots(f *os.File, _ os.FileInfo) bool {
	descriptor, user, err := describe(f, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return false
	}
	owner, _, err := descriptor.Owner()
	return err == nil && owner != nil && (owner.Equals(user) || owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) ||
		owner.IsWellKnown(windows.WinLocalSystemSid))
}

// CheckPrivate returns an error if an open file belongs to another user or gives others access.
func CheckPrivate(f *os.File, _ os.FileInfo) error {
	descriptor, user, err := describe(f, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	owner, _, err := descriptor.Owner()
	if err != nil {
		return err
	}
	// What an elevated process creates may belong to the administrators.
	if owner == nil || !owner.Equals(user) && !owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) {
		return errOwner
	}
	list, _, err := descriptor.DACL()
	if err != nil {
		return err
	}
	if list == nil {
		return errAccess // without a list, everybody has all access
	}
	for i := range uint32(list.AceCount) {
		var entry *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &entry); err != nil {
			return err
		}
		if givesOthersAccess(entry, user) {
			return errAccess
		}
	}
	return nil
}

// describe returns what an open file says about its security, and who this user is.
func describe(f *os.File, what windows.SECURITY_INFORMATION) (*windows.SECURITY_DESCRIPTOR, *windows.SID, error) {
	descriptor, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT, what)
	if err != nil {
		return nil, nil, err
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, nil, err
	}
	return descriptor, user.User.Sid, nil
}

// accessible are the rights with which a file can be read or changed.
const accessible = windows.FILE_READ_DATA | windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | windows.DELETE |
	windows.WRITE_DAC | windows.WRITE_OWNER |
	windows.GENERIC_READ | windows.GENERIC_WRITE | windows.GENERIC_EXECUTE | windows.GENERIC_ALL

// trusted are those besides the user who can read every file anyway, and those who stand for a file's owner.
var trusted = [...]windows.WELL_KNOWN_SID_TYPE{
	windows.WinLocalSystemSid, windows.WinBuiltinAdministratorsSid,
	windows.WinCreatorOwnerSid, windows.WinCreatorOwnerRightsSid,
}

func givesOthersAccess(entry *windows.ACCESS_ALLOWED_ACE, user *windows.SID) bool {
	switch {
	case entry.Header.AceType == windows.ACCESS_DENIED_ACE_TYPE, entry.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0,
		entry.Mask&accessible == 0:
		return false
	case entry.Header.AceType != windows.ACCESS_ALLOWED_ACE_TYPE:
		return true // of a kind that no program for files uses
	}
	sid := (*windows.SID)(unsafe.Pointer(&entry.SidStart))
	return !sid.Equals(user) && !slices.ContainsFunc(trusted[:], sid.IsWellKnown)
}
