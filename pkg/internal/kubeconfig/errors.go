package kubeconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/yamledit"
)

// Errors of this package are of type [*credential.Error] where their class matters. They wrap one of the following,
// which have the facts that a hint needs.
var (
	// ErrNoFiles means that KUBECONFIG is nothing but separators, or that it isn't set and the home directory is unknown.
	ErrNoFiles = errors.New("no kubeconfig: KUBECONFIG names no file, or it isn't set and the home directory is unknown")

	// ErrDirectory means that a directory is where a kubeconfig should be.
	ErrDirectory error = directoryError{}

	// ErrUTF16 means that a file isn't UTF-8, as all programs but PowerShell 5 write it.
	ErrUTF16 = errors.New("it is UTF-16 text, as PowerShell's > writes it; only UTF-8 is supported")

	// ErrSeveral means that a file has more than one YAML document.
	ErrSeveral = errors.New(
		"it has more than one YAML document; kubectl reads the first one, but such a file can't be edited safely")

	// ErrReadOnly means that nobody has permission to write to a file.
	ErrReadOnly = errors.New("the file is read-only")

	// ErrNoBackups means that a file can only be written in place, and that there is no directory to keep its old text
	// in meanwhile.
	ErrNoBackups = errors.New("it can't be replaced, and there is no state directory to keep its old text in")

	// ErrAccessTokenInArgs means that doctl's arguments contain an access token.
	ErrAccessTokenInArgs = errors.New("its arguments hold an access token, which others can see there")

	// ErrOwnConfig means that doctl's arguments name a configuration file.
	ErrOwnConfig = errors.New("it has a --config of its own")
)

// directoryError is a boundedfile.ErrNotRegular that says more. It is a type because fmt.Errorf would format it each
// time the program starts.
type directoryError struct{}

func (directoryError) Error() string { return boundedfile.ErrNotRegular.Error() + " but a directory" }
func (directoryError) Unwrap() error { return boundedfile.ErrNotRegular }

// slashError is an [ErrDirectory] of a path that is written as a directory's.
type slashError struct{}

func (slashError) Error() string { return "its path ends as a directory's does" }
func (slashError) Unwrap() error { return ErrDirectory }

// ReadError reports a file that can't be read or isn't a kubeconfig.
type ReadError struct {
	Path string
	Err  error
}

func (e *ReadError) Error() string { return fmt.Sprintf("reading kubeconfig %q: %v", e.Path, e.Err) }

func (e *ReadError) Unwrap() error { return e.Err }

// UnexpandedError reports that no kubeconfig exists, and that the path of one starts with a ~ or a variable that no
// shell has expanded.
type UnexpandedError struct {
	Path string
	What string // "~", "$HOME" or the like
}

func (e *UnexpandedError) Error() string {
	return fmt.Sprintf("kubeconfig %q doesn't exist: no shell has expanded the %s in its path", e.Path, e.What)
}

// DuplicateKeyError reports a mapping with two keys of one name. kubectl reads the last one's value.
type DuplicateKeyError struct{ Err *yamledit.DuplicateKeyError }

func (e *DuplicateKeyError) Error() string {
	return e.Err.Error() + "; kubectl reads the last one, but such a file can't be edited safely"
}

func (e *DuplicateKeyError) Unwrap() error { return e.Err }

// ProblemError reports a value for which neither clients nor this package can read a file.
type ProblemError struct{ Problem Problem }

func (e *ProblemError) Error() string { return e.Problem.String() + "; kubectl refuses the file, too" }

// WriteError reports a file that can't be written, locked or restored.
type WriteError struct {
	Path  string
	Doing string // "writing", "locking" or "restoring"
	Err   error
}

func (e *WriteError) Error() string {
	return fmt.Sprintf("%s kubeconfig %q: %v", e.Doing, e.Path, e.Err)
}

func (e *WriteError) Unwrap() error { return e.Err }

// IsDenied reports whether the file or its directory may only be read, or isn't one to write a kubeconfig to.
func (e *WriteError) IsDenied() bool {
	return errors.Is(e.Err, fs.ErrPermission) || errors.Is(e.Err, syscall.EROFS) || errors.Is(e.Err, ErrReadOnly) ||
		errors.Is(e.Err, boundedfile.ErrNotRegular)
}

// LockedError reports that another program held a file's lock for too long.
type LockedError struct {
	Path     string
	LockFile string
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("waiting for another program to unlock kubeconfig %q: timed out", e.Path)
}

// NotFoundError reports a name that matches no cluster's entry.
type NotFoundError struct {
	Name     string
	Contexts []string // those that exist
	Clusters []string // those that exist: there may be clusters without a context
}

func (e *NotFoundError) Error() string {
	if len(e.Name) > show.MaxWord {
		return "no kubeconfig entry belongs to a cluster of that name"
	}
	return fmt.Sprintf("no kubeconfig entry belongs to cluster %q", e.Name)
}

// AmbiguousError reports a name that entries of several clusters match.
type AmbiguousError struct {
	Name     string
	Clusters []string // the names of their entries
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q is ambiguous: it matches %s", e.Name, strings.Join(e.Clusters, ", "))
}

// ConflictError reports that a cluster wasn't saved because an entry of the same name belongs to something else.
type ConflictError struct {
	Cluster string // that wasn't saved: its id, or its name as a user typed it
	Entry   string // what is in the way: "cluster entry", "context" or "user"
	Name    string // its name
	Owner   string // whose it is
	OwnerID string // the id of its cluster, if known
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("saving cluster %q: %s %q already exists %s", e.Cluster, e.Entry, e.Name, e.Owner)
}

// NameError reports a name for an entry that isn't one line of printable characters.
type NameError struct{ What, Name string }

func (e *NameError) Error() string { return fmt.Sprintf("%s %q %v", e.What, e.Name, errNotLine) }

// ExecError reports a command, an argument or the like that isn't one line of printable characters. It shows no
// value, which may be secret.
type ExecError struct{ What string }

func (e *ExecError) Error() string { return fmt.Sprintf("%s %v", e.What, errNotLine) }

var errNotLine = errors.New("is not one line of printable characters")

func usageError(err error) error { return &credential.Error{Class: credential.Usage, Err: err} }
