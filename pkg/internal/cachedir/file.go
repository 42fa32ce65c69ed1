package cachedir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/doks-auth/doks-auth/pkg/internal/atomicfile"
)

// maxFile is the maximum size of a file; even an entry with long certificates has only a few
// kilobytes.
const maxFile = 1 << 20

// absent is the reason for a miss if there is no entry.
const absent = "absent"

// readFile reads a file of the cache, or returns a miss that explains why it isn't used. It never
// blocks, neither on a lock nor on a named pipe in the file's place.
func readFile(name string) ([]byte, error) {
	f, err := openFile(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, miss(absent, nil)
		}
		return nil, miss("unreadable", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, miss("unreadable", err)
	}
	if !info.Mode().IsRegular() {
		return nil, miss("not a regular file", nil)
	}
	if err := checkPrivate(info); err != nil {
		return nil, miss("not private", err)
	}
	if info.Size() > maxFile {
		return nil, miss("too large", nil)
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, miss("unreadable", err)
	}
	return data, nil
}

// writeFile atomically replaces the file, or whatever else has its name.
func writeFile(name string, data []byte) error {
	temp := filepath.Base(name) + ".*" + tempSuffix
	err := atomicfile.Replace(name, data, temp, nil)
	if info, statErr := os.Lstat(name); err != nil && statErr == nil && info.IsDir() {
		// A file can't take a directory's place.
		if err := clearAway(name); err != nil {
			return err
		}
		err = atomicfile.Replace(name, data, temp, nil)
	}
	return err
}

// clearAway removes whatever has one of the cache's own names, without following links. What can't be
// removed, such as another user's non-empty directory, is moved aside.
func clearAway(name string) error {
	err := os.Remove(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	aside := fmt.Sprintf("%s.%d%s", name, rand.Uint64(), tempSuffix)
	if err := os.Rename(name, aside); err != nil {
		return err
	}
	os.RemoveAll(aside) // or else pruning tries again
	return nil
}
