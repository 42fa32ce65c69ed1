package accounts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/doks-auth/doks-auth/pkg/internal/atomicfile"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
	"github.com/doks-auth/doks-auth/pkg/internal/yamledit"
)

// errChanging means that a file changed while it was being edited, each time.
var errChanging = errors.New("another program keeps changing it")

// updateDoctl writes a session's tokens and expiry into doctl's configuration, in one step, and leaves all other bytes,
// its mode and its owner as they are. It changes nothing unless is returns true for the session that is there. path
// must not be a link.
func updateDoctl(path, context string, next session, is func(file session) bool) error {
	for range 5 { // doctl may write at the same time, without a lock
		file, err := openDoctl(path)
		if err != nil {
			return err
		}
		if !is(file.session(context)) {
			return nil
		}
		text, err := file.with(context, next)
		if err != nil {
			return err
		}
		if done, err := replaceDoctl(path, text, file.info); err != nil || done {
			return err
		}
	}
	return errChanging
}

// tempPrefix begins the names of temporary files beside doctl's configuration.
const tempPrefix = ".doks-auth-"

// replaceDoctl replaces a file, unless it isn't any more what it was.
func replaceDoctl(path string, text []byte, was os.FileInfo) (bool, error) {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return false, err
	}
	defer dir.Close()
	name := filepath.Base(path)
	removeLeftovers(dir, name)
	temp, err := atomicfile.Create(dir, tempPrefix+name+"-*")
	if err != nil {
		return false, err
	}
	defer temp.Remove()
	err = temp.Write(text, func(f *os.File) error {
		return f.Chmod(was.Mode().Perm() & fileowner.Keep(f, was, path))
	})
	if err != nil {
		return false, err
	}
	is, err := dir.Lstat(name)
	if err != nil || !os.SameFile(is, was) || is.Size() != was.Size() || !is.ModTime().Equal(was.ModTime()) {
		return false, err
	}
	if fileowner.HasLinks(was, path) {
		return true, writeInPlace(dir, name, text)
	}
	err = temp.Rename(name)
	if errors.Is(err, syscall.EBUSY) { // the file is a mount of its own, as in a container
		err = writeInPlace(dir, name, text)
	}
	return true, err
}

// writeInPlace writes a file that can't be replaced, as doctl does.
func writeInPlace(dir *os.Root, name string, text []byte) error {
	f, err := dir.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(text, 0); err != nil {
		return err
	}
	if err := f.Truncate(int64(len(text))); err != nil {
		return err
	}
	return f.Sync()
}

// removeLeftovers removes temporary files of processes that were killed. The session's lock is held.
func removeLeftovers(dir *os.Root, name string) {
	files, err := os.ReadDir(dir.Name())
	if err != nil {
		return
	}
	for _, file := range files {
		info, err := file.Info()
		if strings.HasPrefix(file.Name(), tempPrefix+name+"-") && err == nil && time.Since(info.ModTime()) > time.Minute {
			dir.Remove(file.Name())
		}
	}
}

// errForm means that a file can't be edited without changing more than a session.
var errForm = errors.New("its form is unexpected")

// with returns the file's text with another session of a context.
func (d *doctl) with(context string, next session) ([]byte, error) {
	document, err := yamledit.Parse(d.text, "")
	if err != nil {
		return nil, err
	}
	value := document.Value()
	token := func(any) any { return next.Access.Reveal() }
	isSet := true
	if strings.EqualFold(context, doctlDefaultContext) {
		value["access-token"] = token(nil)
	} else {
		isSet = set(value["auth-contexts"], keyOf(d.AuthContexts, context), token)
	}
	d.session(context) // decodes all of them
	if !isSet || !set(value[sessionsKey], keyOf(d.sessions, context), next.fields) {
		return nil, errForm
	}
	text, err := document.Apply(value)
	if err != nil {
		return nil, err
	}
	return text, d.check(text, context, next)
}

// check returns an error unless a text differs from the file's in a session of a context only.
func (d *doctl) check(text []byte, context string, next session) error {
	edited := &doctl{text: text}
	if decodeDoctl(text, doctlKeys, &edited.doctlConfig) != nil {
		return errForm
	}
	got := edited.session(context)
	if !got.Access.Equal(next.Access) || !got.Refresh.Equal(next.Refresh) || edited.Context != d.Context {
		return errForm
	}
	for _, name := range append(d.contexts(), edited.contexts()...) {
		if !strings.EqualFold(name, context) && edited.accessToken(name) != d.accessToken(name) {
			return errForm
		}
	}
	return nil
}

// fields changes the fields of doctl's that a refresh changes.
func (s session) fields(old any) any {
	fields, ok := old.(map[string]any)
	if !ok {
		return old
	}
	fields["refresh-token"] = s.Refresh.Reveal()
	if was, ok := fields["scope"].(string); ok && was != s.Scope {
		fields["scope"] = s.Scope
	}
	switch _, isTime := fields["expires-at"].(time.Time); { // as YAML reads it without quotes
	case s.ExpiresAt.IsZero():
		fields["expires-at"] = ""
	case isTime:
		fields["expires-at"] = s.ExpiresAt.UTC()
	default:
		fields["expires-at"] = s.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return fields
}

// set replaces the value of a name in mappings that may be nested at the dots of names, as flatten reads them. It
// reports whether there is one.
func set(values any, name string, value func(any) any) bool {
	mapping, ok := values.(map[string]any)
	if !ok {
		return false
	}
	if old, ok := mapping[name]; ok {
		mapping[name] = value(old)
		return true
	}
	for key, nested := range mapping {
		if rest, ok := strings.CutPrefix(name, key+"."); ok && set(nested, rest, value) {
			return true
		}
	}
	return false
}

// checkWritable returns an error unless the file at path can be replaced by one that is a little larger.
func checkWritable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	temp, err := atomicfile.Create(dir, tempPrefix+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer temp.Remove()
	return temp.Reserve(int(info.Size()) + 4<<10)
}
