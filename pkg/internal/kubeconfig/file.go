package kubeconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/yamledit"
)

// file is one of the files.
type file struct {
	path    string
	target  string      // where the path leads
	info    fs.FileInfo // which file it is; nil when it is missing
	missing bool
	spots   []spot // where an edit found it, once for each of its names

	raw     []byte // its contents
	text    *yamledit.Document
	current string         // its current-context
	value   map[string]any // what it will say; nil until it is edited
	err     error          // why it can't be edited
}

// maxFile bounds what is read; a cluster takes about two kilobytes.
const maxFile = 64 << 20

// emptyText is how kubectl writes a kubeconfig without entries.
const emptyText = `apiVersion: v1
clusters: null
contexts: null
current-context: ""
kind: Config
preferences: {}
users: null
`

func readFile(path string) (*file, error) {
	text, err := boundedfile.Read(path, maxFile)
	f, err := newFile(path, text, err)
	if err == nil && !f.missing {
		f.info, err = os.Stat(path)
	}
	return f, err
}

// newFile returns the file of that text, if reading it didn't fail.
func newFile(path string, text []byte, err error) (*file, error) {
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing && !isNull(path) { // which means no kubeconfig
		return nil, readError(path, err)
	}
	target, err := resolve(path)
	if err != nil {
		return nil, err
	}
	document, err := parse(text)
	return &file{path: path, target: target, missing: missing, raw: text, text: document}, err
}

// readError returns the reason why a file can't be read.
func readError(path string, err error) error {
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		return ErrDirectory
	}
	return show.Reason(err)
}

// parse parses a kubeconfig. Errors name the line and never quote a value.
func parse(text []byte) (*yamledit.Document, error) {
	if isUTF16(text) {
		return nil, ErrUTF16
	}
	document, err := yamledit.Parse(text, emptyText)
	if twice, ok := errors.AsType[*yamledit.DuplicateKeyError](err); ok {
		return nil, &DuplicateKeyError{twice}
	}
	if errors.Is(err, yamledit.ErrSeveral) {
		return nil, ErrSeveral
	}
	return document, err
}

// isUTF16 reports whether a text is UTF-16, by its byte order mark or by the zero bytes of ASCII.
func isUTF16(text []byte) bool {
	return bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) ||
		len(text) >= 2 && (text[0] == 0) != (text[1] == 0)
}

// isSame reports whether two paths lead to one file, by whatever spelling, link or hard link.
func (f *file) isSame(other *file) bool {
	if f.missing || other.missing {
		return f.missing && other.missing && f.target == other.target
	}
	return os.SameFile(f.info, other.info)
}

// edit returns the file's value, for the caller to change.
func (f *file) edit() map[string]any {
	if f.value == nil {
		f.value = f.text.Value()
	}
	return f.value
}

// add adds an entry without fields to a list.
func (f *file) add(list, name string) {
	items, _ := f.edit()[list].([]any)
	f.value[list] = append(items, map[string]any{"name": name, fieldsKey(list): map[string]any{}})
}

// fields returns the fields of an entry, for the caller to change.
func (f *file) fields(list, name string) map[string]any {
	items, _ := f.edit()[list].([]any)
	for _, item := range items {
		if yamledit.NameOf(item) == name {
			return f.child(item.(map[string]any), fieldsKey(list))
		}
	}
	f.err = yamledit.ErrTooOdd // its name isn't written as text
	return make(map[string]any)
}

// child returns the mapping under a key of another one, and creates a missing one.
func (f *file) child(mapping map[string]any, key string) map[string]any {
	child, ok := mapping[key].(map[string]any)
	if !ok && mapping[key] != nil {
		f.err = yamledit.ErrTooOdd // it has keys that aren't text
	}
	if !ok {
		child = make(map[string]any)
		mapping[key] = child
	}
	return child
}

// fieldsKey returns the key below which the entries of a list have their fields.
func fieldsKey(list string) string { return strings.TrimSuffix(list, "s") }

// remove removes the entries of these names from a list.
func (f *file) remove(list string, names []string) {
	if len(names) == 0 {
		return
	}
	items, _ := f.edit()[list].([]any)
	goes := func(item any) bool { return slices.Contains(names, yamledit.NameOf(item)) }
	kept := slices.DeleteFunc(slices.Clone(items), goes)
	if len(kept)+len(names) != len(items) {
		f.err = yamledit.ErrTooOdd // a name isn't written as text
	}
	f.value[list] = kept
}

// Change is a file's new text.
type Change struct {
	Path string
	New  []byte

	file *file
}

// Changes returns what was edited and isn't written yet. The error is yamledit.ErrTooOdd.
func (c *Config) Changes() ([]Change, error) {
	var changes []Change
	for _, f := range c.files {
		if f.value == nil || f.err == nil && f.text.Says(f.value) {
			continue
		}
		text, err := f.newText()
		if err != nil {
			return nil, fmt.Errorf("editing kubeconfig %q: %w", f.path, err)
		}
		changes = append(changes, Change{f.path, text, f})
	}
	return changes, nil
}

// newText returns the file's text after the edit.
func (f *file) newText() ([]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.text.Apply(f.edit())
}
