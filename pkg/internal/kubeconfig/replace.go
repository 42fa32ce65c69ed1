package kubeconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/doks-auth/doks-auth/pkg/internal/atomicfile"
)

// write replaces files, each wholly or not at all. A link stays a link, and a file's permissions stay; a
// new file is its owner's alone.
func (e *editing) write(files []*file, changes []Change) error {
	news := make([]*atomicfile.File, len(files))
	for i, f := range files {
		if err := e.unlockable[f.path]; err != nil {
			return fmt.Errorf("locking kubeconfig %q: %w", f.path, reason(err))
		}
		var err error
		if news[i], err = e.prepare(f, changes[i].New); err != nil {
			return fmt.Errorf("writing kubeconfig %q: %w", f.path, reason(err))
		}
	}
	err := e.do(func() (func(), error) {
		replaced, err := replaceAll(files, news)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.written, e.err = replaced > 0, err
		return nil, err
	})
	for _, f := range files {
		f.place.sync()
	}
	return err
}

// replaceAll puts the new files in place, and returns how many of them.
func replaceAll(files []*file, news []*atomicfile.File) (int, error) {
	for i, f := range files {
		err := f.check()
		if err == nil {
			err = news[i].Rename(f.place.name)
		}
		if err != nil {
			return i, fmt.Errorf("writing kubeconfig %q: %w", f.path, reason(err))
		}
	}
	return len(files), nil
}

// prepare writes a file's new text to a file beside it.
func (e *editing) prepare(f *file, text []byte) (*atomicfile.File, error) {
	if f.info == nil && !f.missing || f.info != nil && !f.info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	var temp *atomicfile.File
	err := e.do(func() (_ func(), err error) {
		prefix := tempPrefix(f.place.name)
		for _, leftover := range f.place.siblings(prefix) { // of who was killed; who has the lock has no living rival
			leftover.dir.Remove(leftover.name)
		}
		temp, err = atomicfile.Create(f.place.dir, prefix+"*")
		if err != nil {
			return nil, err
		}
		return temp.Remove, nil
	})
	if err != nil {
		return nil, err
	}
	return temp, temp.Write(text, func(new *os.File) error {
		mode := fs.FileMode(0o600)
		if f.info != nil {
			mode = f.info.Mode().Perm() & keepOwner(new, f.info)
		}
		return new.Chmod(mode)
	})
}

// check reports that the path leads to another file by now than the one that was read, or that this has
// changed. Between check and rename nothing is sure; but what was read in a directory is written there only.
func (f *file) check() error {
	here, err := f.place.dir.Lstat(f.place.name)
	there, thereErr := os.Stat(f.path)
	switch {
	case f.missing && errors.Is(err, fs.ErrNotExist) && errors.Is(thereErr, fs.ErrNotExist):
		return nil
	case f.missing, err != nil, thereErr != nil, !os.SameFile(f.info, here), !os.SameFile(f.info, there),
		f.info.Size() != here.Size(), !f.info.ModTime().Equal(here.ModTime()):
		return errMoved
	}
	return nil
}

func tempPrefix(name string) string { return "." + name + ".doks-auth-" }

// sync makes what happened to a directory's names survive a power failure, where it can.
func (p place) sync() {
	if dir, err := p.dir.Open("."); err == nil {
		dir.Sync()
		dir.Close()
	}
}
