package kubeconfig

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/doks-auth/doks-auth/pkg/internal/serverurl"
	"github.com/doks-auth/doks-auth/pkg/internal/uuid"
)

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

// value returns the entry as a plain value.
func (e Exec) value() map[string]any {
	text, err := yaml.Marshal(e)
	if err != nil {
		panic(err) // it consists of text
	}
	var value map[string]any
	if err := yaml.Unmarshal(text, &value); err != nil {
		panic(err)
	}
	return value
}

// Program returns the name of the program, without directory and .exe.
func (e *Exec) Program() string {
	name := e.Command[strings.LastIndexAny(e.Command, `/\`)+1:]
	return strings.TrimSuffix(strings.ToLower(name), ".exe")
}

// clusterID returns the cluster id among the arguments, or "".
func (e *Exec) clusterID() string {
	for _, arg := range e.Args {
		if uuid.Is(arg) {
			return strings.ToLower(arg)
		}
	}
	return ""
}

// IsOurs reports whether the entry runs this plugin, under any name if its arguments say so, or doctl.
func (e *Exec) IsOurs() bool {
	return e != nil && (e.Program() == "doks-auth" || e.Program() == "doctl" ||
		len(e.Args) > 0 && e.Args[0] == execCommand && e.clusterID() != "")
}

// CallsAs reports whether two entries pass the same arguments, the command aside: exec-credential is the default.
func (e *Exec) CallsAs(other Exec) bool {
	return slices.Equal(withoutCommand(e.Args), withoutCommand(other.Args))
}

func withoutCommand(args []string) []string {
	if len(args) > 0 && args[0] == execCommand {
		return args[1:]
	}
	return args
}

const execCommand = "exec-credential"

// IDOf returns the id of an entry's cluster: from its extension, its server's name, or the arguments of the plugin
// that one of its contexts runs. It is "" if it is unknown.
func (c *Config) IDOf(cluster *Cluster) string {
	if id := cluster.id(); id != "" {
		return id
	}
	for _, context := range c.Contexts {
		if context.Cluster != cluster.Name {
			continue
		}
		if user := c.User(context.User); user != nil && user.Exec.IsOurs() && user.Exec.clusterID() != "" {
			return user.Exec.clusterID()
		}
	}
	return ""
}

// id returns the id of an entry's cluster from the entry alone, or "".
func (c *Cluster) id() string {
	if c.ClusterID != "" {
		return strings.ToLower(c.ClusterID)
	}
	if server, err := serverurl.Parse(c.Server); err == nil {
		if name, _, _ := strings.Cut(server.Hostname(), "."); uuid.Is(name) {
			return strings.ToLower(name)
		}
	}
	return ""
}

// ContextsOf returns the names of the contexts of the cluster with that id.
func (c *Config) ContextsOf(id string) []string {
	var names []string
	for _, context := range c.Contexts {
		if cluster := c.Cluster(context.Cluster); cluster != nil && c.IDOf(cluster) == id {
			names = append(names, context.Name)
		}
	}
	return names
}
