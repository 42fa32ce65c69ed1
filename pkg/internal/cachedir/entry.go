package cachedir

import (
	"fmt"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
	"github.com/doks-auth/doks-auth/pkg/internal/sealed"
)

const (
	entrySuffix    = ".entry"
	failureSuffix  = ".failure"
	judgmentSuffix = ".judgment"
	lockSuffix     = ".lock"
	asideSuffix    = ".aside" // after a random text
)

// seal names the files of one key and seals its entries.
type seal struct {
	*sealed.Seal
	base string // the files' path without a suffix
}

func newSeal(dir string, key credential.Key, accessToken credential.Secret) *seal {
	s := sealed.New(key, accessToken)
	return &seal{s, filepath.Join(dir, s.Name())}
}

// path returns the path of the key's file with the given suffix.
func (s *seal) path(suffix string) string { return s.base + suffix }

// close returns the entry for c.
func (s *seal) close(key credential.Key, c credential.Credential) ([]byte, error) {
	entry, err := s.Entry(key, c)
	if err == nil && len(entry) > privatefile.MaxSize {
		return nil, fmt.Errorf("the entry is too large: %d bytes", len(entry)) // readFile would reject it
	}
	return entry, err
}

// open returns the credential in an entry, or a miss.
func (s *seal) open(entry []byte) (credential.Credential, error) { return s.Open(entry) }

func miss(reason string, err error) error { return &credential.MissError{Reason: reason, Err: err} }
