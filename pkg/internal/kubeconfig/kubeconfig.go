// Package kubeconfig reads and edits the entries for DigitalOcean Kubernetes clusters in kubeconfig
// files (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/).
//
// A kubeconfig is its owner's: what isn't edited stays as it is, byte for byte, with its comments,
// order and fields that nobody here knows. Files are locked as kubectl locks them while they are
// edited, and replaced in one step: a crash at any instant leaves the old file or the new one.
//
// Not guaranteed: that programs which edit without kubectl's lock don't undo an edit, nor kubectl itself,
// which reads a file before it locks it; one file that is
// edited under two names (a hard link, a mount) is one file to nobody here. A file of an owner or with
// a label that the process can't give keeps its permissions only.
package kubeconfig

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
)

// Config is what the kubeconfig files say together: of entries with the same name, the first file's
// count, and of current-context the first that is set.
type Config struct {
	CurrentContext string
	Clusters       []Cluster
	Contexts       []Context
	Users          []User

	hidden hidden
	known  map[string]bool // the entries above, by list and name

	files []*file
	main  *file // where new entries go
}

// hidden are the entries that an earlier file's entry of the same name hides.
type hidden struct {
	clusters []Cluster
	contexts []Context
	users    []User
}

// Cluster is a cluster's entry.
type Cluster struct {
	Name                  string
	Server                string
	TLSServerName         string
	InsecureSkipTLSVerify bool
	ProxyURL              string
	CA                    string // base64 of PEM
	CAFile                string // path of a file that holds the PEM, if CA is empty
	ClusterID             string // that its extension for exec plugins names; "" mostly

	file *file
}

// Authority returns the certificate authority that clients trust, as PEM; none means the system's.
func (c Cluster) Authority() ([]byte, error) {
	if c.CA != "" || c.CAFile == "" {
		authority, err := base64.StdEncoding.DecodeString(c.CA)
		if err != nil {
			return nil, errors.New("its certificate-authority-data is not base64")
		}
		return authority, nil
	}
	authority, err := boundedfile.Read(c.CAFile, maxAuthority)
	if err != nil {
		return nil, fmt.Errorf("reading its certificate-authority %q: %w", c.CAFile, reason(err))
	}
	return authority, nil
}

const maxAuthority = 1 << 20

// Context is a context's entry.
type Context struct {
	Name, Cluster, User string

	file *file
}

// User is a user's entry.
type User struct {
	Name string
	Exec *Exec // nil when the user has another kind of credential

	file *file
}

// Dir returns the directory of the user's file, from which clients look for a relative command.
func (u User) Dir() string { return filepath.Dir(u.file.path) }

// Cluster returns the cluster's entry of that name, or nil.
func (c *Config) Cluster(name string) *Cluster {
	return find(c.Clusters, func(e Cluster) bool { return e.Name == name })
}

// Context returns the context of that name, or nil.
func (c *Config) Context(name string) *Context {
	return find(c.Contexts, func(e Context) bool { return e.Name == name })
}

// User returns the user of that name, or nil.
func (c *Config) User(name string) *User {
	return find(c.Users, func(e User) bool { return e.Name == name })
}

func find[E any](entries []E, is func(E) bool) *E {
	if i := slices.IndexFunc(entries, is); i >= 0 {
		return &entries[i]
	}
	return nil
}
