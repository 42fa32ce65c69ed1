package cachedir

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile bounds what is read of a file; an entry with the longest of certificates has some
// kilobytes.
const maxFile = 1 << 20

// absent is the reason of a miss where there is nothing.
const absent = "absent"

// readFile reads a file of the cache, or returns a miss that says why it isn't used. It never
// blocks: neither on a lock nor on a named pipe that stands in the file's place.
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

// writeFile puts a file in place of whatever has its name: wholly, or not at all.
func writeFile(name string, data []byte) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*"+tempSuffix) // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			temp.Close()
			os.Remove(temp.Name())
		}
	}()
	if _, err := temp.Write(data); err != nil {
		return err
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	err = rename(temp.Name(), name)
	if info, statErr := os.Lstat(name); err != nil && statErr == nil && info.IsDir() {
		// Nothing of anybody's can have this name; a file can't take a directory's place.
		if err := os.RemoveAll(name); err != nil {
			return err
		}
		err = rename(temp.Name(), name)
	}
	return err
}
