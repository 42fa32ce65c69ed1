package cmd

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// kubeconfigList is the command that lists contexts.
type kubeconfigList struct {
	*options

	files  kubeconfigFiles
	output *output
}

// listedContext is a context as the command prints it.
type listedContext struct {
	Name        string `json:"name"`
	Current     bool   `json:"current"`
	Cluster     string `json:"cluster"` // the name of the cluster's entry
	ClusterID   string `json:"cluster_id"`
	Server      string `json:"server"`
	User        string `json:"user"`
	AccountFlag string `json:"account_flag"` // which account the user names; "": the one that is chosen when it runs
}

func newKubeconfigList(opts *options) *cobra.Command {
	l := &kubeconfigList{options: opts}
	cmd := &cobra.Command{
		Use:        "list",
		Aliases:    []string{"ls"},
		SuggestFor: []string{"get"},
		Short:      "List the contexts that use doks-auth",
		Long: `list prints the contexts of the kubeconfig whose user runs doks-auth, and marks the current one. For each
it shows the cluster, and the flag by which the user's args choose an account, if they do. It calls neither
the API nor the cluster.`,
		Example: `  doks-auth kubeconfig list
  doks-auth kubeconfig list -o name | xargs doks-auth kubeconfig remove
  doks-auth kubeconfig list -o json | jq -r '.[] | select(.current) | .cluster_id'`,
		Args:              usageArgs(noArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: opts.prints(func(context.Context, []string) ([]byte, error) {
			contexts, err := l.list()
			if err != nil {
				return nil, err
			}
			if len(contexts) == 0 && l.output.isTable() {
				_, err := io.WriteString(l.Stderr, "No context uses doks-auth. 'doks-auth kubeconfig save' adds some.\n")
				return nil, err
			}
			return l.output.render(contexts, func(w io.Writer) { l.write(w, contexts) })
		}),
	}
	l.files.addFlag(cmd.Flags())
	l.output = opts.addListFlags(cmd, formatTable, formatWide, formatName, formatJSON, formatYAML, formatJSONPath)
	return cmd
}

// list returns the contexts, in the kubeconfig's order. The result isn't nil.
func (l *kubeconfigList) list() ([]listedContext, error) {
	config, err := kubeconfig.Read(l.files.paths(l.options))
	if err != nil {
		return nil, err
	}
	listed := []listedContext{}
	for _, context := range config.Contexts {
		user := config.User(context.User)
		if user == nil || !runsThis(user.Exec) {
			continue
		}
		one := listedContext{
			Name: context.Name, Current: context.Name == config.CurrentContext, Cluster: context.Cluster, User: user.Name,
			ClusterID: string(clusterIDOf(user.Exec)), AccountFlag: accountFlagOf(user.Exec),
		}
		if cluster := config.Cluster(context.Cluster); cluster != nil {
			one.ClusterID, one.Server = config.IDOf(cluster), shownURL(cluster.Server)
		}
		listed = append(listed, one)
	}
	return listed, nil
}

// accountFlagOf returns the flag by which an entry chooses its account or its OpenID provider, or "".
func accountFlagOf(entry *kubeconfig.Exec) string {
	// In the order of precedence.
	for _, name := range []string{"--sso-issuer-url", "--issuer-url", "--token-file", "--account", "--context"} {
		for i, arg := range entry.Args {
			flag, value, hasValue := strings.Cut(arg, "=")
			if flag == name && !hasValue && i+1 < len(entry.Args) {
				value = entry.Args[i+1]
			}
			if flag == name {
				return shownArg(name + "=" + value)
			}
		}
	}
	return ""
}

func (l *kubeconfigList) write(w io.Writer, contexts []listedContext) {
	if l.output.format == formatName {
		for _, c := range contexts {
			fmt.Fprintln(w, oneLine(c.Name))
		}
		return
	}
	t := table{header: []string{"NAME", "CLUSTER ID", "ACCOUNT"}, shortens: []int{2, 0}}
	if l.output.format == formatWide {
		t.header = append(t.header, "SERVER", "USER")
	}
	for _, c := range contexts {
		name := c.Name
		if c.Current {
			name += currentMark
		}
		cells := []string{name, c.ClusterID, c.AccountFlag}
		if l.output.format == formatWide {
			cells = append(cells, c.Server, c.User)
		}
		t.rows = append(t.rows, cells)
	}
	l.output.write(w, t)
}
