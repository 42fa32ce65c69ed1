package kubeconfig

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"

	"github.com/doks-auth/doks-auth/pkg/internal/atomicfile"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/fileowner"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// replacement is a new file for one of the names of a file.
type replacement struct {
	*file
	spot spot
	text []byte
	new  *atomicfile.File // nil if none can be created in the directory
	err  error            // why
}

// write replaces files, each completely or not at all. A link stays a link, and permissions stay; a new file is
// private to its owner. A file with several names is replaced under each of them. The error is a *WriteError.
func (e *editing) write(ctx context.Context, changes []Change) error {
	var all []replacement
	for _, change := range changes {
		f := change.file
		if err := e.unlockable[f.path]; err != nil {
			return &WriteError{f.path, "locking", show.Reason(err)}
		}
		if f.info != nil && f.info.Mode().Perm()&0o222 == 0 {
			return &WriteError{f.path, "writing", ErrReadOnly} // its directory may let it be replaced
		}
		for _, s := range f.spots {
			temp, err := e.prepare(f, s.place, change.New)
			r := replacement{f, s, change.New, temp, nil}
			if !f.missing && cannotReplace(err) {
				r.new, r.err, err = nil, err, nil
			}
			if err = cmp.Or(e.unlockable[s.path], err); err != nil {
				return &WriteError{s.path, "writing", show.Reason(err)}
			}
			all = append(all, r)
		}
	}
	err := e.do(func() (func(), error) {
		replaced, err := e.replaceAll(ctx, all)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.written, e.err = replaced > 0, err
		return nil, err
	})
	for _, r := range all {
		r.spot.place.sync()
	}
	return err
}

// replaceAll puts the new files in place, and returns how many it did.
func (e *editing) replaceAll(ctx context.Context, all []replacement) (int, error) {
	for i, r := range all {
		err := r.replace()
		if cannotReplace(err) || e.backups.dir != "" && isOpenElsewhere(err) {
			err = e.backups.overwrite(ctx, r)
		}
		if err != nil {
			return i, &WriteError{r.spot.path, "writing", show.Reason(err)}
		}
	}
	return len(all), nil
}

// replace puts the new file in place. Hard links in one directory stay links to one file.
func (r replacement) replace() error {
	first := r.spots[0].place
	if r.spot.place != first && first.isSame(r.spot.place) {
		return nil // two paths to one place, such as a directory that is mounted twice
	}
	if err := r.check(r.spot); err != nil {
		return err
	}
	if r.spot.place != first && first.linkTo(r.spot.place) {
		return nil
	}
	if r.new == nil {
		return r.err
	}
	return r.new.Rename(r.spot.place.name)
}

// isSame reports whether two places hold the same file.
func (p place) isSame(other place) bool {
	a, err := p.dir.Lstat(p.name)
	b, otherErr := other.dir.Lstat(other.name)
	return err == nil && otherErr == nil && os.SameFile(a, b)
}

// linkTo puts a hard link of a file in another place, if that is in the same directory, and reports whether it did.
func (p place) linkTo(other place) bool {
	temp := tempPrefix(other.name) + rand.Text()
	if p.dir.Name() != other.dir.Name() || p.dir.Link(p.name, temp) != nil {
		return false
	}
	defer p.dir.Remove(temp)
	return p.dir.Rename(temp, other.name) == nil
}

// prepare writes a file's new text to a file beside it.
func (e *editing) prepare(f *file, at place, text []byte) (*atomicfile.File, error) {
	if f.info == nil && !f.missing || f.info != nil && !f.info.Mode().IsRegular() {
		return nil, boundedfile.ErrNotRegular
	}
	var temp *atomicfile.File
	err := e.do(func() (_ func(), err error) {
		prefix := tempPrefix(at.name)
		for _, leftover := range at.siblings(prefix) { // of killed processes: the lock's holder has no living rival
			leftover.dir.Remove(leftover.name)
		}
		temp, err = atomicfile.Create(at.dir, prefix+"*")
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
			mode = f.info.Mode().Perm() & fileowner.Keep(new, f.info, at.path())
		}
		return new.Chmod(mode)
	})
}

// check reports that a path no longer leads to the file that was read, or that this has changed. Nothing is certain
// between check and rename; but what was read in a directory is only written there.
func (f *file) check(at spot) error {
	here, err := at.place.dir.Lstat(at.place.name)
	there, thereErr := os.Stat(at.path)
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

// sync makes a directory's new names survive a power failure, where it can.
func (p place) sync() {
	if dir, err := p.dir.Open("."); err == nil {
		dir.Sync()
		dir.Close()
	}
}
