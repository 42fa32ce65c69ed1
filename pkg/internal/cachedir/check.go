package cachedir

import (
	"fmt"
	"os"

	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
	"github.com/doks-auth/doks-auth/pkg/internal/userdir"
)

// Check returns an error if the directory at path can't be used as a cache: path is empty, not a directory,
// another user's or not writable, or it doesn't exist and can't be created for such a reason. Check
// goes by owners and modes only and writes nothing, so it doesn't notice a full disk.
func Check(path string) error {
	if path == "" {
		return errNoDirectory
	}
	found, info, err := userdir.Nearest(path)
	if err != nil {
		return err
	}
	uid, known := fileowner.Of(info)
	foreign := known && uid != os.Geteuid()
	switch {
	case !info.IsDir():
		return fmt.Errorf("%q is not a directory", found)
	case foreign && found == path:
		return fmt.Errorf("%q belongs to user %d, and this is user %d", found, uid, os.Geteuid())
	case foreign && os.Geteuid() != 0 && info.Mode().Perm()&0o022 == 0:
		return fmt.Errorf("%q can't be created: %q belongs to user %d, and this is user %d",
			path, found, uid, os.Geteuid())
	case known && !foreign && os.Geteuid() != 0 && info.Mode().Perm()&0o300 != 0o300:
		return fmt.Errorf("%q can't be written: its mode is %04o", found, info.Mode().Perm())
	}
	return nil
}
