package kubeconfig

import (
	"cmp"
	"encoding/base64"
	"maps"
	"slices"

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

// Save saves the entries that pass [Entry.Check], and returns their names. Without an Alias, all entries of the cluster
// are updated where they differ, whatever they are called, and keep their other fields, such as a namespace; new ones
// are added where there are none. An entry of the same name that belongs to another cluster is replaced if force is
// set; else the new one isn't saved, and its error is a *ConflictError of class Usage. If only Name belongs to another
// cluster, perhaps of another account, Alias replaces it; of two entries with one Name the second gets the first part
// of its id appended.
func (c *Config) Save(entries []Entry, force bool) ([]Saved, []error) {
	saved, errs := make([]Saved, len(entries)), make([]error, len(entries))
	taken := make(map[string]string)
	for i, e := range entries {
		if errs[i] = e.Check(); errs[i] != nil {
			continue
		}
		e.Name = c.nameFor(e, taken)
		taken[e.Name] = e.ClusterID
		places := c.placesFor(e)
		if conflict := c.conflict(e, places); conflict != nil && !force {
			errs[i] = usageError(conflict)
			continue
		}
		for _, p := range places { // while the contexts still tell whose a user is
			c.saveUser(e, p.User, c.userConflict(e, p) != nil)
		}
		for _, name := range clustersFor(e, places) {
			c.saveCluster(e, name, c.clusterConflict(e, name) != nil)
		}
		for _, p := range places {
			c.saveContext(p)
		}
		saved[i] = c.shown(places)
	}
	return saved, errs
}

// shown returns the names that stand for all under which an entry was saved.
func (c *Config) shown(places []Saved) Saved {
	if current := find(places, func(p Saved) bool { return p.Context == c.CurrentContext }); current != nil {
		return *current
	}
	return places[0]
}

// saveCluster writes a cluster's entry. With replace set, nothing stays of the one that exists.
func (c *Config) saveCluster(e Entry, name string, replace bool) {
	entry := c.Cluster(name)
	if entry == nil {
		c.Clusters = append(c.Clusters, Cluster{Name: name, file: c.main})
		entry = c.Cluster(name)
		c.main.add(clustersList, name)
	}
	fields := entry.file.fields(clustersList, name)
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

func (c *Config) saveContext(names Saved) {
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

// saveUser writes a user's entry. With replace set, or if it doesn't run a plugin, nothing stays of the one that
// exists.
func (c *Config) saveUser(e Entry, name string, replace bool) {
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
