package kubeconfig

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/internal/yamledit"
)

// Entry is a cluster to be written to a kubeconfig.
type Entry struct {
	Name      string // of the cluster's entry and, with "-admin", of its user's: doctl's do-<region>-<name>
	Alias     string // of the context; "": Name
	User      string // of the user's entry, if clusters share one; "": Name with "-admin"
	ClusterID string
	Server    string // URL
	CA        []byte // PEM
	Exec      Exec
}

// Saved reports the names under which an entry was saved.
type Saved struct{ Context, Cluster, User string }

// Save saves the entries that pass [Entry.Check], and returns their names. An existing entry is updated where it
// differs, and keeps its other fields, such as a namespace. One of the same name that belongs to another cluster is
// replaced if force is set; else the new one isn't saved, and its error is a *ConflictError of class Usage. If only
// Name belongs to another cluster, perhaps of another account, Alias replaces it; of two entries with one Name the
// second gets the first part of its id appended.
func (c *Config) Save(entries []Entry, force bool) ([]Saved, []error) {
	saved, errs := make([]Saved, len(entries)), make([]error, len(entries))
	taken := make(map[string]string)
	for i, e := range entries {
		if errs[i] = e.Check(); errs[i] != nil {
			continue
		}
		if id, ok := taken[e.Name]; ok && id != e.ClusterID && e.Alias == "" {
			e.Name += "-" + e.ClusterID[:min(len(e.ClusterID), len("8d91899c"))]
		}
		if !force && c.clusterConflict(e) != nil {
			e.Name = cmp.Or(e.Alias, c.nameOf(e.ClusterID), e.Name)
		}
		taken[e.Name] = e.ClusterID
		conflict := cmp.Or(c.clusterConflict(e), c.contextConflict(e), c.userConflict(e))
		if conflict != nil && !force {
			errs[i] = usageError(conflict)
			continue
		}
		c.saveUser(e, c.userConflict(e) != nil) // while the contexts still tell whose it is
		c.saveCluster(e, c.clusterConflict(e) != nil)
		c.saveContext(e)
		saved[i] = e.names()
	}
	return saved, errs
}

// nameOf returns the name of the cluster's entry with that id, or "".
func (c *Config) nameOf(id string) string {
	if cluster := find(c.Clusters, func(cluster Cluster) bool { return c.IDOf(&cluster) == id }); cluster != nil {
		return cluster.Name
	}
	return ""
}

func (e Entry) names() Saved {
	s := Saved{Context: e.Alias, Cluster: e.Name, User: e.User}
	if s.Context == "" {
		s.Context = e.Name
	}
	if s.User == "" {
		s.User = e.Name + "-admin"
	}
	return s
}

// saveCluster writes the cluster's entry. With replace set, nothing stays of the one that exists.
func (c *Config) saveCluster(e Entry, replace bool) {
	entry := c.Cluster(e.Name)
	if entry == nil {
		c.Clusters = append(c.Clusters, Cluster{Name: e.Name, file: c.main})
		entry = c.Cluster(e.Name)
		c.main.add(clustersList, e.Name)
	}
	fields := entry.file.fields(clustersList, e.Name)
	if replace {
		clear(fields)
		entry.ClusterID = ""
	}
	entry.Server = e.Server
	fields["server"] = e.Server
	fields["certificate-authority-data"] = base64.StdEncoding.EncodeToString(e.CA)
	if e.User != "" && (&Cluster{Server: e.Server}).id() != e.ClusterID {
		entry.ClusterID = e.ClusterID // nothing else tells the plugin which cluster it is
		fields["extensions"] = withExtension(fields["extensions"], e.ClusterID)
	}
}

// withExtension returns a cluster's extensions with the one that tells plugins its id.
func withExtension(extensions any, clusterID string) []any {
	list, _ := extensions.([]any)
	isOurs := func(item any) bool { return yamledit.NameOf(item) == execExtension }
	others := slices.DeleteFunc(slices.Clone(list), isOurs)
	return append(others, map[string]any{
		"name": execExtension, "extension": map[string]any{"clusterID": clusterID},
	})
}

func (c *Config) saveContext(e Entry) {
	names := e.names()
	entry := c.Context(names.Context)
	if entry == nil {
		c.Contexts = append(c.Contexts, Context{Name: names.Context, file: c.main})
		entry = c.Context(names.Context)
		c.main.add(contextsList, names.Context)
	}
	entry.Cluster, entry.User = names.Cluster, names.User
	fields := entry.file.fields(contextsList, names.Context)
	fields["cluster"], fields["user"] = names.Cluster, names.User
}

// saveUser writes the user's entry. With replace set, or if it doesn't run a plugin, nothing stays of the one that
// exists.
func (c *Config) saveUser(e Entry, replace bool) {
	name := e.names().User
	entry := c.User(name)
	if entry == nil {
		c.Users = append(c.Users, User{Name: name, file: c.main})
		entry = c.User(name)
		c.main.add(usersList, name)
	}
	if replace || entry.Exec == nil {
		clear(entry.file.fields(usersList, name))
	}
	entry.setExec(e.Exec)
}

// setExec sets the fields of an exec entry, and keeps those that it doesn't have.
func (u *User) setExec(exec Exec) {
	maps.Copy(u.file.child(u.file.fields(usersList, u.Name), "exec"), exec.value())
	u.Exec = &exec
}

// clusterConflict reports a cluster's entry of the same name that belongs to another cluster.
func (c *Config) clusterConflict(e Entry) error {
	old := c.Cluster(e.Name)
	if old == nil || c.IDOf(old) == e.ClusterID {
		return nil
	}
	if (credential.Credential{Server: e.Server}).CheckServer(old.Server) == nil {
		return nil
	}
	return &ConflictError{e.ClusterID, "cluster entry", e.Name, "for server " + show.URL(old.Server)}
}

// contextConflict reports a context of the same name that leads to another cluster.
func (c *Config) contextConflict(e Entry) error {
	old := c.Context(e.names().Context)
	if old == nil || old.Cluster == e.names().Cluster {
		return nil
	}
	if cluster := c.Cluster(old.Cluster); cluster != nil && c.IDOf(cluster) == e.ClusterID {
		return nil
	}
	return &ConflictError{e.ClusterID, "context", old.Name, fmt.Sprintf("for cluster %q", old.Cluster)}
}

// userConflict reports a user of the same name that belongs to another cluster or, where clusters share a user,
// one with another access token.
func (c *Config) userConflict(e Entry) error {
	name := e.names().User
	old := c.User(name)
	if old == nil {
		return nil
	}
	own := slices.ContainsFunc(c.Contexts, func(context Context) bool {
		return context.User == name && context.Cluster == e.names().Cluster
	})
	switch {
	case e.User != "" && old.Exec.IsOurs() && slices.Equal(old.Exec.Args, e.Exec.Args):
		return nil
	case e.User == "" && old.Exec.IsOurs() && old.Exec.clusterID() == e.ClusterID:
		return nil
	case e.User == "" && old.Exec == nil && own: // doctl's, with a token
		return nil
	}
	return &ConflictError{e.ClusterID, "user", name, "with other credentials"}
}

// SetCurrentContext makes a context the current one, in the file that says which is.
func (c *Config) SetCurrentContext(name string) {
	in := c.main
	if i := slices.IndexFunc(c.files, func(f *file) bool { return f.current != "" }); i >= 0 {
		in = c.files[i]
	}
	in.setCurrent(name)
	c.CurrentContext = name
}

func (f *file) setCurrent(context string) {
	f.edit()["current-context"] = context
	f.current = context
}

// Text returns a kubeconfig with these entries alone; the first one's context is the current one.
func Text(entries []Entry) ([]byte, error) {
	document, err := yamledit.Parse(nil, emptyText)
	if err != nil {
		return nil, err
	}
	f := &file{text: document}
	c := &Config{main: f, files: []*file{f}}
	saved, errs := c.Save(entries, false)
	if err := cmp.Or(errs...); err != nil {
		return nil, err
	}
	c.SetCurrentContext(saved[0].Context)
	return f.newText()
}
