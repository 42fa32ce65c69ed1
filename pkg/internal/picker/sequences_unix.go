//go:build !windows

package picker

import "os"

// enableSequences makes a terminal heed escape sequences. All do, except on Windows.
func enableSequences(*os.File) error { return nil }
