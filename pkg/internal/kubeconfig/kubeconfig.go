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

	"go.yaml.in/yaml/v3"

	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
)

// Config is what the kubeconfig files say together: of entries with the same name, the first file's
// count, and of current-context the first that is set.
type Config struct {
	CurrentContext string
	Clusters       []Cluster
	Contexts       []Context
	Users          []User

	// What an earlier file's entry of the same name hides.
	hiddenClusters []Cluster
	hiddenContexts []Context

	known map[string]bool // the entries above, by list and name

	files []*file
	main  *file // where new entries go
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

// Exec says how a client runs a credential plugin.
type Exec struct {
	APIVersion         string              `yaml:"apiVersion"`
	Command            string              `yaml:"command"`
	Args               []string            `yaml:"args,omitempty"`
	Env                []map[string]string `yaml:"env,omitempty"`
	InstallHint        string              `yaml:"installHint,omitempty"`
	InteractiveMode    string              `yaml:"interactiveMode,omitempty"`
	ProvideClusterInfo bool                `yaml:"provideClusterInfo"`
}

// Read reads the files. Those that don't exist are as good as empty. A file that isn't a kubeconfig is
// an error of class Usage that tells the line.
func Read(paths []string) (*Config, error) { return readAll(paths, readFile) }

func readAll(paths []string, read func(path string) (*file, error)) (*Config, error) {
	if len(paths) == 0 {
		return nil, usageError(ErrNoFiles)
	}
	c := &Config{}
	for _, path := range paths {
		f, err := read(path)
		if err != nil {
			return nil, usageError(&ReadError{path, err})
		}
		if err := c.merge(f); err != nil {
			return nil, usageError(&ReadError{path, err})
		}
	}
	// As kubectl: the first that exists, else the last.
	c.main = c.files[len(c.files)-1]
	if i := slices.IndexFunc(c.files, func(f *file) bool { return !f.missing }); i >= 0 {
		c.main = c.files[i]
	}
	return c, nil
}

// merge adds what a file says.
func (c *Config) merge(f *file) error {
	c.files = append(c.files, f)
	var said struct {
		CurrentContext string `yaml:"current-context"`
		Clusters       []struct {
			Name    string
			Cluster struct {
				Server        string
				TLSServerName string `yaml:"tls-server-name"`
				Insecure      any    `yaml:"insecure-skip-tls-verify"` // what isn't false may be true to somebody
				ProxyURL      string `yaml:"proxy-url"`
				CA            string `yaml:"certificate-authority-data"`
				CAFile        string `yaml:"certificate-authority"`
				Extensions    []struct {
					Name      string
					Extension yaml.Node // anything
				}
			}
		}
		Contexts []struct {
			Name    string
			Context struct{ Cluster, User string }
		}
		Users []struct {
			Name string
			User struct{ Exec *Exec }
		}
	}
	if err := f.root.Decode(&said); err != nil {
		return describe(err)
	}
	if c.CurrentContext == "" {
		c.CurrentContext = said.CurrentContext
	}
	if c.known == nil {
		c.known = make(map[string]bool)
	}
	var names []string
	isHidden := func(list, name string) bool {
		name = list + " " + name
		names = append(names, name)
		hidden := c.known[name]
		c.known[name] = true
		return hidden
	}
	for _, s := range said.Clusters {
		cluster := Cluster{
			Name: s.Name, Server: s.Cluster.Server, TLSServerName: s.Cluster.TLSServerName,
			InsecureSkipTLSVerify: s.Cluster.Insecure != nil && s.Cluster.Insecure != false,
			ProxyURL:              s.Cluster.ProxyURL, CA: s.Cluster.CA, CAFile: s.Cluster.CAFile, file: f,
		}
		if path := cluster.CAFile; path != "" && !filepath.IsAbs(path) {
			cluster.CAFile = filepath.Join(filepath.Dir(f.path), path) // as kubectl
		}
		for _, e := range s.Cluster.Extensions {
			if id := child(follow(&e.Extension), "clusterID"); e.Name == execExtension && id != nil {
				cluster.ClusterID = id.Value
			}
		}
		if !isHidden(clustersList, s.Name) {
			c.Clusters = append(c.Clusters, cluster)
		} else {
			c.hiddenClusters = append(c.hiddenClusters, cluster)
		}
	}
	for _, s := range said.Contexts {
		context := Context{s.Name, s.Context.Cluster, s.Context.User, f}
		if !isHidden(contextsList, s.Name) {
			c.Contexts = append(c.Contexts, context)
		} else {
			c.hiddenContexts = append(c.hiddenContexts, context)
		}
	}
	for _, s := range said.Users {
		if !isHidden(usersList, s.Name) {
			c.Users = append(c.Users, User{s.Name, s.User.Exec, f})
		}
	}
	slices.Sort(names)
	for i := range names[:max(len(names)-1, 0)] {
		if names[i] == names[i+1] {
			return fmt.Errorf("it names two of its %q alike, which kubectl doesn't read either", names[i])
		}
	}
	return nil
}

// execExtension is the name of a cluster's extension that clients pass to exec plugins.
const execExtension = "client.authentication.k8s.io/exec"

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
