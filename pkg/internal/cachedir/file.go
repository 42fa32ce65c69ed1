package cachedir

import (
	"errors"
	"io/fs"

	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// absent is the reason for a miss if there is no entry.
const absent = "absent"

// readFile reads a file of the cache, or returns a miss that explains why it isn't used.
func readFile(name string) ([]byte, error) {
	data, err := privatefile.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, miss(absent, nil)
	}
	if e, ok := errors.AsType[*privatefile.Error](err); ok {
		return nil, miss(e.Reason, e.Err)
	}
	return data, err
}
