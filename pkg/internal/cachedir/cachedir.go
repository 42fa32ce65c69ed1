// Package cachedir implements a credential.Store in a directory, shared by
// all processes of a user.
//
// For each key the directory contains up to four files, named by a hash that reveals nothing about the
// key: the entry (.entry, a sealed credential), the last failed fetch (.failure), what the cluster said about the
// credential (.judgment) and the lock (.lock, always empty). Besides, there may
// be entries that were set aside (.aside): see [Held.SetAside]. One more file is the table of recent callers.
//
// Guaranteed:
//   - An entry is read completely or not at all, whatever happens while it is written: a crash, SIGKILL,
//     a full disk.
//   - Secrets are only in entries, sealed with AES-256-GCM under a key derived from the access token with
//     HKDF-SHA256. The directory without the access token reveals which
//     clusters were used, when and for how long. An entry that is modified or renamed to another key's
//     name is a miss.
//   - Locks are the operating system's: a lock is released when its process ends. Anything else in a lock's
//     place is replaced, if the directory belongs to this user.
//   - A file is used only if it is a regular file that belongs to this user and gives no access to others. Symbolic
//     links are not followed, except to the directory itself.
//
// Not guaranteed: that a Put survives a power failure (the directory isn't synced, so the previous
// entry may reappear); that the entry is the latest (anyone who can write to the directory can restore a
// previous entry of the same key); any of this on a file system without atomic rename.
package cachedir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/openfile"
	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
)

// Dir is a Store and a FailureStore in a directory, for the keys of one access token.
type Dir struct {
	path        string
	accessToken credential.Secret
	now         func() time.Time
	pruneFor    time.Duration
}

var (
	_ credential.Store        = (*Dir)(nil)
	_ credential.FailureStore = (*Dir)(nil)
)

// Open returns the Store in the directory at path, sealed under the access token. Nothing is read
// or created until needed. With an empty path, all methods of the Store fail.
func Open(path string, accessToken credential.Secret) *Dir {
	return &Dir{path: path, accessToken: accessToken, now: time.Now, pruneFor: pruneFor}
}

// Get implements credential.Store. It takes no lock and writes nothing.
func (d *Dir) Get(_ context.Context, key credential.Key) (credential.Credential, error) {
	seal, err := d.seal(key)
	if err != nil {
		return credential.Credential{}, err
	}
	data, err := readFile(seal.path(entrySuffix))
	if err != nil {
		return credential.Credential{}, err
	}
	return seal.open(data)
}

// Put implements credential.Store. Callers should call Prune after they have delivered the credential.
func (d *Dir) Put(_ context.Context, key credential.Key, c credential.Credential) error {
	seal, err := d.seal(key)
	if err != nil {
		return err
	}
	data, err := seal.close(key, c)
	if err != nil {
		return err
	}
	if err := d.create(); err != nil {
		return err
	}
	if err := privatefile.Write(seal.path(entrySuffix), data); err != nil {
		return err
	}
	os.Remove(seal.path(failureSuffix))
	return nil
}

// tagName is the file that tells backup programs to leave the directory out
// (https://bford.info/cachedir/), and people what it is. It is created only together with the directory: an
// existing directory may be used for other things, which should be backed up.
const tagName = "CACHEDIR.TAG"

const tag = `Signature: 8a477f597d28d172789f06886806bc55
# This directory is a cache of doks-auth: credentials for DigitalOcean Kubernetes clusters, sealed
# under the access token that they were fetched with. It may be deleted at any time: they are
# then fetched again.
`

// create creates the directory, with its tag, unless it exists.
func (d *Dir) create() error {
	if err := openfile.MkdirAll(filepath.Dir(d.path)); err != nil {
		return err
	}
	err := openfile.Mkdir(d.path)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		privatefile.Write(filepath.Join(d.path, tagName), []byte(tag)) // the cache works without it
	}
	return err
}

var errNoDirectory = errors.New("there is no cache directory")

// seal returns the seal of key.
func (d *Dir) seal(key credential.Key) (*seal, error) {
	if d.path == "" {
		return nil, errNoDirectory
	}
	return newSeal(d.path, key, d.accessToken), nil
}
