package fileownertest

import "golang.org/x/sys/windows"

// LetOthersRead lets everybody read a file, too.
func LetOthersRead(path string) error { return SetList(path, "D:P(A;;FA;;;OW)(A;;FR;;;WD)") }

// KeepPrivate keeps others from reading and writing a file.
func KeepPrivate(path string) error { return SetList(path, "D:P(A;;FA;;;OW)") }

// LetOthersWrite lets everybody write a file, too.
func LetOthersWrite(path string) error { return SetList(path, "D:P(A;;FA;;;OW)(A;;FW;;;WD)") }

// SetList replaces a file's access control list by the one of a security descriptor, in its definition language.
func SetList(path, text string) error {
	descriptor, err := windows.SecurityDescriptorFromString(text)
	if err != nil {
		return err
	}
	list, _, err := descriptor.DACL()
	if err != nil {
		return err
	}
	return windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT,
		windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
}
