package cachedir

import (
	"encoding/json"
	"errors"
	"io/fs"

	"github.com/doks-auth/doks-auth/pkg/credential"
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

// readPlain reads a file about a key that isn't sealed.
func (d *Dir) readPlain(key credential.Key, suffix string) ([]byte, error) {
	seal, err := d.seal(key)
	if err != nil {
		return nil, err
	}
	return readFile(seal.path(suffix))
}

// writePlain writes content without secrets, as JSON, to a file about a key.
func (d *Dir) writePlain(key credential.Key, suffix string, content any) error {
	seal, err := d.seal(key)
	if err != nil {
		return err
	}
	data, err := json.Marshal(content)
	if err != nil {
		return err
	}
	if err := d.create(); err != nil {
		return err
	}
	return privatefile.Write(seal.path(suffix), data)
}
