package kubeconfig

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Read reads the files. A missing file is empty, and one file under several names is read once. The errors are
// ErrNoFiles, *UnexpandedError and *ReadError, of class Usage.
func Read(paths []string) (*Config, error) {
	if err := checkPaths(paths); err != nil {
		return nil, err
	}
	return readAll(paths, readFile)
}

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
		if i := slices.IndexFunc(c.files, f.isSame); i >= 0 {
			c.files[i].addSpots(f.spots)
			continue
		}
		if err := c.merge(f); err != nil {
			return nil, usageError(&ReadError{path, err})
		}
	}
	// As kubectl: the first that exists, else the last. But kubectl loses what it writes to the null device.
	c.main = c.files[len(c.files)-1]
	for _, f := range c.files {
		if isNull(f.path) {
			continue
		}
		c.main = f
		if !f.missing {
			break
		}
	}
	return c, nil
}

// lastOf returns the last path that isn't the null device's; "" if there is none.
func lastOf(paths []string) string {
	for _, path := range slices.Backward(paths) {
		if !isNull(path) {
			return path
		}
	}
	return ""
}

// isNull reports whether a path is the null device's, which stands for no kubeconfig.
func isNull(path string) bool {
	return path == os.DevNull || runtime.GOOS == "windows" && strings.EqualFold(path, os.DevNull)
}

// The lists of a kubeconfig.
const (
	clustersList = "clusters"
	contextsList = "contexts"
	usersList    = "users"
)

// contents is what a file says.
type contents struct {
	CurrentContext string `yaml:"current-context"`
	Clusters       []struct {
		Name    string
		Cluster clusterFields
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

type clusterFields struct {
	Server        string
	TLSServerName string `yaml:"tls-server-name"`
	Insecure      any    `yaml:"insecure-skip-tls-verify"` // what isn't false may be true to somebody
	ProxyURL      string `yaml:"proxy-url"`
	CA            string `yaml:"certificate-authority-data"`
	CAFile        string `yaml:"certificate-authority"`
	Extensions    []struct {
		Name      string
		Extension any
	}
}

// merge adds what a file says.
func (c *Config) merge(f *file) error {
	c.files = append(c.files, f)
	var said contents
	if err := f.text.Decode(&said); err != nil {
		if found := Problems(f.raw); len(found) > 0 {
			return &ProblemError{found[0]} // which names the entry
		}
		return err
	}
	f.current = said.CurrentContext
	if c.CurrentContext == "" {
		c.CurrentContext = said.CurrentContext
	}
	if c.known == nil {
		c.known = make(map[string]bool)
	}
	own := make(map[string]bool)
	for _, s := range said.Clusters {
		put(c.claim(own, clustersList, s.Name), &c.Clusters, &c.hidden.clusters, newCluster(s.Name, s.Cluster, f))
	}
	for _, s := range said.Contexts {
		context := Context{Name: s.Name, Cluster: s.Context.Cluster, User: s.Context.User, file: f}
		put(c.claim(own, contextsList, s.Name), &c.Contexts, &c.hidden.contexts, context)
	}
	for _, s := range said.Users {
		user := User{Name: s.Name, Exec: s.User.Exec, file: f}
		put(c.claim(own, usersList, s.Name), &c.Users, &c.hidden.users, user)
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if own[name] {
			return fmt.Errorf("duplicate entry %q; kubectl rejects it too", name)
		}
	}
	return nil
}

// claim reports whether an entry is the first of its name, and notes in own whether a file has it twice.
func (c *Config) claim(own map[string]bool, list, name string) bool {
	key := list + " " + name
	_, own[key] = own[key]
	first := !c.known[key]
	c.known[key] = true
	return first
}

// put adds an entry to those that count or to the hidden ones.
func put[E any](first bool, visible, hidden *[]E, entry E) {
	if !first {
		visible = hidden
	}
	*visible = append(*visible, entry)
}

// execExtension is the name of a cluster's extension that clients pass to exec plugins.
const execExtension = "client.authentication.k8s.io/exec"

func newCluster(name string, said clusterFields, f *file) Cluster {
	cluster := Cluster{
		Name:                  name,
		Server:                said.Server,
		TLSServerName:         said.TLSServerName,
		InsecureSkipTLSVerify: said.Insecure != nil && said.Insecure != false,
		ProxyURL:              said.ProxyURL,
		CA:                    said.CA,
		CAFile:                said.CAFile,
		file:                  f,
	}
	if path := cluster.CAFile; path != "" && !filepath.IsAbs(path) {
		cluster.CAFile = filepath.Join(filepath.Dir(f.path), path) // as kubectl
	}
	for _, e := range said.Extensions {
		if extension, ok := e.Extension.(map[string]any); ok && e.Name == execExtension {
			cluster.ClusterID, _ = extension["clusterID"].(string)
		}
	}
	return cluster
}
