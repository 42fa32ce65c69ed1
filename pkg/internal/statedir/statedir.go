// Package statedir keeps small records between runs, in a directory of this user: which account a bearer belongs to,
// sessions, logins. Unlike the cache, it may hold what can't be fetched again.
//
// Guaranteed:
//   - A record is read completely or not at all, whatever happens while it is written.
//   - A record is used only if it is a regular file that belongs to this user and gives no access to others.
//
// Not guaranteed: secrecy from whoever can read this user's files. Secrets are sealed with [Seal], but the key may lie in
// the same directory; that only keeps them out of searches and of single files that are passed on.
package statedir

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/doks-auth/doks-auth/pkg/internal/filelock"
	"github.com/doks-auth/doks-auth/pkg/internal/openfile"
	"github.com/doks-auth/doks-auth/pkg/internal/privatefile"
	"github.com/doks-auth/doks-auth/pkg/internal/userdir"
)

// Dir is a directory of records. A record's name is a path below it, with slashes.
type Dir struct{ path string }

// ErrNone means that there is no place for a state directory, or that it can't be used.
var ErrNone = errors.New("there is no state directory")

// Open returns the directory at path. Nothing is read or created until needed. With an empty path all methods fail.
func Open(path string) *Dir { return &Dir{path} }

// Path returns the directory's path; "" if there is none.
func (d *Dir) Path() string { return d.path }

// Find returns the default directory: doks-auth in $XDG_STATE_HOME or the system's counterpart (~/.local/state,
// ~/Library/Application Support, %LOCALAPPDATA%). It returns "" if there is no absolute path. It is a
// [userdir.Finder].
func Find(getenv func(string) string, home string) string {
	if dir := userdir.Under(getenv("XDG_STATE_HOME"), "doks-auth"); dir != "" {
		return dir
	}
	switch runtime.GOOS {
	case "windows":
		local := cmp.Or(getenv("LOCALAPPDATA"), userdir.Under(home, "AppData", "Local"))
		return userdir.Under(local, "doks-auth")
	case "darwin":
		return userdir.Under(home, "Library", "Application Support", "doks-auth")
	}
	return userdir.Under(home, ".local", "state", "doks-auth")
}

// file returns the path of a record's file.
func (d *Dir) file(name string) string {
	return filepath.Join(d.path, filepath.FromSlash(name)) + suffix
}

const (
	suffix     = ".json"
	lockSuffix = ".lock"
)

// Read decodes a record into v. The error wraps fs.ErrNotExist if there is none.
func (d *Dir) Read(name string, v any) error {
	if d.path == "" {
		return ErrNone
	}
	data, err := privatefile.Read(d.file(name))
	if errors.Is(err, syscall.ENOTDIR) { // something is in the directory's place
		return fs.ErrNotExist
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return &privatefile.Error{Reason: "not a record"} // the cause could quote it
	}
	return nil
}

// Write atomically replaces a record.
func (d *Dir) Write(name string, v any) error {
	data, err := json.Marshal(v)
	if err == nil {
		err = d.create(name)
	}
	if err != nil {
		return err
	}
	return privatefile.Write(d.file(name), data)
}

// create creates the directory of a record.
func (d *Dir) create(name string) error {
	if d.path == "" {
		return ErrNone
	}
	return d.mkdir(filepath.Dir(d.file(name)))
}

// mkdir creates a directory. It takes away others' permission to write to the state directory, where they could swap
// records.
func (d *Dir) mkdir(dir string) error {
	if err := openfile.MkdirAll(dir); err != nil {
		return err
	}
	for _, path := range []string{d.path, dir} {
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o022 != 0 && os.PathSeparator == '/' {
			if err := os.Chmod(path, info.Mode().Perm()&^0o022); err != nil {
				return err
			}
		}
	}
	return nil
}

// IsUsable reports whether records can be written to a folder of the directory. It may create the folder.
func (d *Dir) IsUsable(folder string) bool {
	if d.path == "" {
		return false
	}
	dir := filepath.Join(d.path, folder)
	if d.mkdir(dir) != nil {
		return false
	}
	f, err := os.CreateTemp(dir, "*"+privatefile.TempSuffix)
	if err != nil {
		return false
	}
	defer os.Remove(f.Name())
	defer f.Close()
	_, err = f.Write(make([]byte, 4<<10)) // an empty file fits on a full disk
	return err == nil
}

// Remove removes a record, if it exists.
func (d *Dir) Remove(name string) error {
	if d.path == "" {
		return ErrNone
	}
	if err := os.Remove(d.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Names returns the names of the records in a folder of the directory.
func (d *Dir) Names(folder string) []string {
	if d.path == "" {
		return nil
	}
	files, _ := os.ReadDir(filepath.Join(d.path, folder)) // sorted
	var names []string
	for _, file := range files {
		if name, ok := strings.CutSuffix(file.Name(), suffix); ok {
			names = append(names, name)
		}
	}
	return names
}

// Lock waits for the lock of a record, or of any other name, until ctx is done.
func (d *Dir) Lock(ctx context.Context, name string) (unlock func(), err error) {
	if err := d.create(name); err != nil {
		return nil, err
	}
	return privatefile.Lock(ctx, strings.TrimSuffix(d.file(name), suffix)+lockSuffix)
}

// Prune removes records of a folder that haven't been written for longer than age, and leftovers of crashes and locks
// there that are as old. It doesn't remove a lock that is held.
func (d *Dir) Prune(folder string, age time.Duration) {
	if d.path == "" {
		return
	}
	dir := filepath.Join(d.path, folder)
	files, _ := os.ReadDir(dir)
	for _, file := range files {
		info, err := file.Info()
		if err != nil || time.Since(info.ModTime()) <= age {
			continue
		}
		removeUnused(filepath.Join(dir, file.Name()))
	}
}

// removeUnused removes a file, unless it is a lock that is held.
func removeUnused(path string) {
	if strings.HasSuffix(path, lockSuffix) {
		unlock, err := filelock.Try(path, false)
		if err != nil {
			return
		}
		defer unlock()
	}
	os.Remove(path)
}
