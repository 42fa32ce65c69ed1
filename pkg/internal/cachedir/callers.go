package cachedir

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// The table of recent callers has a fixed number of slots. A caller's digest says which one is its own; another caller
// with the same slot takes it over. So the table forgets, but it never grows, and needs no lock: a slot is read and
// written in one piece, and what is in it decides only whether the cluster is asked about a credential.
const (
	callersName = "callers"
	slots       = 256
	slotSize    = 16
)

// Repeats records that a caller asks for a credential, and reports whether the same caller asked for the same
// credential before, as far as the table remembers. caller identifies a process; of is the credential's digest. Where
// the table can't be written, nobody ever repeats anything.
func (d *Dir) Repeats(caller, of string) bool {
	if d.path == "" {
		return false
	}
	sum := sha256.Sum256([]byte(caller + " " + of))
	own := sum[:slotSize]
	at := int64(binary.BigEndian.Uint32(sum[slotSize:])%slots) * slotSize
	table, err := privatefile.OpenTable(filepath.Join(d.path, callersName), slots*slotSize)
	if err != nil {
		return false
	}
	defer table.Close()
	var there [slotSize]byte
	if n, _ := table.ReadAt(there[:], at); n == slotSize && bytes.Equal(there[:], own) {
		return true
	}
	table.WriteAt(own, at) // best effort
	return false
}
