package sharedcache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// memoTime is how long a server that couldn't be used isn't asked again.
const memoTime = 30 * time.Second

// memo is a file that says when a server was last found to be unusable. It spares other processes the wait.
type memo struct {
	dir string // "": none
}

type memoFile struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// path returns the file of the address. It is named as a remembered failure in a cache directory, and so goes with
// those when it is no longer needed. The name doesn't depend on the password, which it could serve to find, but on all
// else that can make a server unusable.
func (m memo) path(a Address) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q %q %q", a, a.user, a.database, a.authorities))
	return filepath.Join(m.dir, hex.EncodeToString(sum[:16])+".failure")
}

// read returns why the server isn't to be asked, or nil.
func (m memo) read(address Address, now time.Time) error {
	if m.dir == "" {
		return nil
	}
	var f memoFile
	data, err := privatefile.Read(m.path(address))
	if err != nil || json.Unmarshal(data, &f) != nil {
		return nil
	}
	if age := now.Sub(f.At); age < 0 || age >= memoTime {
		return nil
	}
	return errors.New("the shared cache couldn't be used a moment ago: " + f.Reason)
}

// write keeps why the server can't be used.
func (m memo) write(address Address, now time.Time, reason error) {
	if m.dir == "" {
		return
	}
	if data, err := json.Marshal(memoFile{now.UTC(), reason.Error()}); err == nil {
		privatefile.Write(m.path(address), data) // else the next process waits, too
	}
}
