package kubeconfig

import (
	"errors"
	"fmt"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// Errors of this package are of type [*credential.Error] where their class matters. They wrap one of the following,
// which have the facts that a hint needs.
var (
	// ErrNoFiles means that no kubeconfig is named and the home directory is unknown.
	ErrNoFiles = errors.New("no kubeconfig: the home directory is unknown")

	// ErrAccessTokenInArgs means that doctl's arguments contain an access token.
	ErrAccessTokenInArgs = errors.New("its arguments hold an access token, which others can see there")

	// ErrOwnConfig means that doctl's arguments name a configuration file.
	ErrOwnConfig = errors.New("it has a --config of its own")
)

// ReadError reports a file that can't be read or isn't a kubeconfig.
type ReadError struct {
	Path string
	Err  error
}

func (e *ReadError) Error() string { return fmt.Sprintf("reading kubeconfig %q: %v", e.Path, e.Err) }

func (e *ReadError) Unwrap() error { return e.Err }

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
	ClusterID string // of the cluster that wasn't saved
	Entry     string // what is in the way: "cluster entry", "context" or "user"
	Name      string // its name
	Owner     string // whose it is
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("saving cluster %q: %s %q already exists %s", e.ClusterID, e.Entry, e.Name, e.Owner)
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
