// Package kubeconfig reads and edits the entries for DigitalOcean Kubernetes clusters in kubeconfig
// files (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/).
//
// A kubeconfig belongs to its owner: what isn't edited stays byte for byte, with its comments, order and unknown
// fields. While they are edited, files are locked as kubectl locks them. They are replaced in one step: a crash
// leaves the old file or the new one. A file is known by what it is: links and hard links to it that are read
// together are one file, and stay one.
//
// Not guaranteed: that an edit survives programs that don't take kubectl's lock, or kubectl itself, which reads a
// file before it locks it. A hard link that isn't named keeps the old text, and one in another directory becomes a
// file of its own with the new text. A file with an owner or a label that the process can't set keeps only its
// permissions.
package kubeconfig

import (
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// Config is what the kubeconfig files say together: the first file's entry of each name counts, and the first
// current-context that is set.
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
	CAFile                string // path of a PEM file, if CA is empty
	ClusterID             string // from its extension for exec plugins; mostly ""

	file *file
}

// Authority returns the certificate authorities that clients trust, as PEM; empty means the system's.
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
		return nil, fmt.Errorf("reading its certificate-authority %q: %w", c.CAFile, show.Reason(err))
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

// Dir returns the directory of the user's file, to which a relative command is relative.
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
