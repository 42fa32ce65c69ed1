package kubeconfig

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Entry is what a kubeconfig says of a cluster.
type Entry struct {
	Name      string // of the cluster's entry and, with "-admin", of its user's: doctl's do-<region>-<name>
	Alias     string // of the context; "": Name
	User      string // of the user's entry, if clusters share one; "": Name with "-admin"
	ClusterID string
	Server    string // URL
	CA        []byte // PEM
	Exec      Exec
}

// Saved tells under which names an entry was put.
type Saved struct{ Context, Cluster, User string }

// Save puts entries in that pass [Entry.Check], and returns under which names. One that is there is brought up to date where it
// differs, and keeps what else it says, such as a namespace. One of the same name that is another
// cluster's is replaced if force is set; else the new one isn't saved, and there is an error of class Usage
// for it in its place. Where only Name is another cluster's, as that of another account may be, Alias stands
// for it; two entries of the same Name are told apart by the first part of their ids.
func (c *Config) Save(entries []Entry, force bool) ([]Saved, []error) {
	saved, errs := make([]Saved, len(entries)), make([]error, len(entries))
	var add additions
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
		c.saveUser(e, c.userConflict(e) != nil, &add) // while the contexts still tell whose it is
		c.saveCluster(e, c.clusterConflict(e) != nil, &add)
		c.saveContext(e, &add)
		saved[i] = e.names()
	}
	c.main.add(clustersList, add.clusters...)
	c.main.add(contextsList, add.contexts...)
	c.main.add(usersList, add.users...)
	return saved, errs
}

// nameOf returns the name of the cluster's entry with that id, or "".
func (c *Config) nameOf(id string) string {
	if cluster := find(c.Clusters, func(cluster Cluster) bool { return c.IDOf(&cluster) == id }); cluster != nil {
		return cluster.Name
	}
	return ""
}

// additions are the items that don't stand in the files yet; each list is edited once.
type additions struct{ clusters, contexts, users []any }

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

// saveCluster writes the cluster's entry: wholly, if the one that is there is another cluster's.
func (c *Config) saveCluster(e Entry, wholly bool, add *additions) {
	name := e.names().Cluster
	fields := map[string]any{
		"server":                     e.Server,
		"certificate-authority-data": base64.StdEncoding.EncodeToString(e.CA),
	}
	if e.User != "" && c.IDOf(&Cluster{Server: e.Server}) != e.ClusterID {
		// Nothing else tells the plugin which cluster it is.
		fields["extensions"] = []any{map[string]any{"name": execExtension, "extension": map[string]any{"clusterID": e.ClusterID}}}
	}
	old := c.Cluster(name)
	switch {
	case old == nil:
		c.Clusters = append(c.Clusters, Cluster{Name: name, Server: e.Server})
		add.clusters = append(add.clusters, map[string]any{"name": name, "cluster": fields})
	case old.file == nil: // one that this call brought in
	case wholly:
		old.file.setItem(clustersList, name, fields, "cluster")
		old.Server, old.ClusterID = e.Server, ""
	default:
		for _, key := range slices.Sorted(maps.Keys(fields)) {
			old.file.setItem(clustersList, name, fields[key], "cluster", key)
		}
	}
}

func (c *Config) saveContext(e Entry, add *additions) {
	names := e.names()
	if old := c.Context(names.Context); old != nil {
		if old.file != nil {
			old.file.setItem(contextsList, names.Context, names.Cluster, "context", "cluster")
			old.file.setItem(contextsList, names.Context, names.User, "context", "user")
		}
		old.Cluster, old.User = names.Cluster, names.User
		return
	}
	c.Contexts = append(c.Contexts, Context{Name: names.Context, Cluster: names.Cluster, User: names.User})
	add.contexts = append(add.contexts, map[string]any{
		"name":    names.Context,
		"context": map[string]any{"cluster": names.Cluster, "user": names.User},
	})
}

// saveUser writes the user's entry: wholly, if the one that is there is somebody else's.
func (c *Config) saveUser(e Entry, wholly bool, add *additions) {
	name := e.names().User
	old := c.User(name)
	switch {
	case old == nil:
		c.Users = append(c.Users, User{Name: name, Exec: &e.Exec})
		add.users = append(add.users, map[string]any{"name": name, "user": map[string]any{"exec": e.Exec}})
	case old.file == nil: // one that other entries brought in just now
	case wholly || old.Exec == nil:
		old.file.setItem(usersList, name, map[string]any{"exec": e.Exec}, "user")
	default:
		old.file.setExec(name, e.Exec)
	}
}

// setExec puts the fields of an exec entry in, and leaves those that it doesn't have.
func (d *document) setExec(user string, exec Exec) {
	fields := plain(exec).(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		d.setItem(usersList, user, fields[key], "user", "exec", key)
	}
}

// clusterConflict reports a cluster's entry of the same name that is another cluster's.
func (c *Config) clusterConflict(e Entry) error {
	old := c.Cluster(e.Name)
	if old == nil || c.IDOf(old) == e.ClusterID || (credential.Credential{Server: e.Server}).CheckServer(old.Server) == nil {
		return nil
	}
	return &ConflictError{e.ClusterID, "cluster entry", e.Name, "for server " + credential.ShowURL(old.Server)}
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

// userConflict reports a user of the same name that isn't this cluster's, or, where clusters share a
// user, one with another access token.
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
	for _, f := range c.files {
		if current, _ := f.meaning["current-context"].(string); current != "" {
			in = f
			break
		}
	}
	in.set(name, "current-context")
	c.CurrentContext = name
}

// Text returns the kubeconfig that holds these entries alone, the first context being the current one.
func Text(entries []Entry) ([]byte, error) {
	document, err := parse(nil)
	if err != nil {
		return nil, err
	}
	c := &Config{}
	c.main = &file{document: document}
	c.files = []*file{c.main}
	saved, errs := c.Save(entries, false)
	if err := cmp.Or(errs...); err != nil {
		return nil, err
	}
	c.SetCurrentContext(saved[0].Context)
	return document.apply()
}
