package cachedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Check reports what keeps the directory at path from being used as a cache: that there is no path, that
// it is no directory, another user's, or not writable; or that it doesn't exist, and can't be made for
// such a reason. It writes nothing, so it doesn't know of full disks, and goes by owners and modes alone.
func Check(path string) error {
	if path == "" {
		return errNoDirectory
	}
	found, info, err := nearest(path)
	if err != nil {
		return err
	}
	uid, known := owner(info)
	foreign := known && uid != os.Geteuid()
	switch {
	case !info.IsDir():
		return fmt.Errorf("%q is not a directory", found)
	case foreign && found == path:
		return fmt.Errorf("%q belongs to user %d, and this is user %d", found, uid, os.Geteuid())
	case foreign && os.Geteuid() != 0 && info.Mode().Perm()&0o022 == 0:
		return fmt.Errorf("%q can't be made: %q belongs to user %d, and this is user %d", path, found, uid, os.Geteuid())
	case known && !foreign && os.Geteuid() != 0 && info.Mode().Perm()&0o300 != 0o300:
		return fmt.Errorf("%q can't be written: its mode is %04o", found, info.Mode().Perm())
	}
	return nil
}

// nearest returns what is at path, or else its nearest ancestor that exists.
func nearest(path string) (found string, info fs.FileInfo, err error) {
	for found = path; ; found = filepath.Dir(found) {
		info, err = os.Stat(found)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || filepath.Dir(found) == found {
			return found, info, err
		}
	}
}
