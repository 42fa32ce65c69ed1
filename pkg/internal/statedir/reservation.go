package statedir

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/internal/atomicfile"
	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// reserved is the space on disk that a Reservation has. A record is smaller.
const reserved = 16 << 10

// Reservation is space on disk for a record that must not be lost, because what it will hold can't be had again.
type Reservation struct {
	file *atomicfile.File
	root *os.Root
	name string
}

// Reserve makes sure that a record can be written.
func (d *Dir) Reserve(name string) (*Reservation, error) {
	if err := d.create(name); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(d.file(name)))
	if err != nil {
		return nil, err
	}
	base := filepath.Base(d.file(name))
	file, err := atomicfile.Create(root, base+".*"+privatefile.TempSuffix)
	if err == nil {
		if err = file.Reserve(reserved); err != nil {
			file.Remove()
		}
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return &Reservation{file, root, base}, nil
}

// Write replaces the record, and ends the reservation.
func (r *Reservation) Write(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return r.file.Publish(r.name, data)
}

// Close ends the reservation. It must be called.
func (r *Reservation) Close() {
	r.file.Remove()
	r.root.Close()
}
