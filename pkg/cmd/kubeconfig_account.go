package cmd

import (
	"cmp"
	"errors"
	"io"
	"slices"

	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// accountOfEntry returns the account that an entry of the kubeconfig gets its credentials from. An entry that names
// none has the account that the command line chooses. The access token must not go to an address that a kubeconfig
// chose, so that is checked as in a client's run.
func (o *options) accountOfEntry(entry *kubeconfig.Exec) (*account, error) {
	own, err := o.optionsOfEntry(entry)
	if err != nil {
		return nil, err
	}
	if own.login == "" && own.context == "" && own.tokenFile == "" {
		own.login, own.context, own.tokenFile = o.login, o.context, o.tokenFile
	}
	found, err := own.sources().Find()
	if err != nil {
		return nil, own.notFound(err)
	}
	own.apiURL = cmp.Or(own.apiURL, o.apiURL)
	if own.apiAddress(found) != o.apiAddress(found) {
		if err := own.checkAPIAddress(found); err != nil {
			return nil, err
		}
	}
	own.forClient = false // from here on, a person asks
	own.timeout, own.verbose, own.waits = o.timeout, o.verbose, o.waits
	return own.accountOf(found), nil
}

// optionsOfEntry returns the options that an entry of this program or of doctl's gives.
func (o *options) optionsOfEntry(entry *kubeconfig.Exec) (*options, error) {
	if entry.Program() != "doctl" {
		parsed, _, err := o.parseEntry(entry)
		if err != nil {
			return nil, err
		}
		return parsed.options, nil
	}
	own := &options{Env: o.Env, later: o.later, forClient: true}
	flags := pflag.NewFlagSet("doctl", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.StringVar(&own.context, "context", "", "")
	if flags.Parse(entry.Args) != nil {
		return nil, errors.New("its arguments can't be read")
	}
	return own, nil
}

// usersOf returns the users that get credentials for a cluster from this program or doctl.
func usersOf(c *kubeconfig.Config, id string) []kubeconfig.User {
	var names []string
	for _, context := range c.Contexts {
		if cluster := c.Cluster(context.Cluster); cluster != nil && c.IDOf(cluster) == id {
			names = append(names, context.User)
		}
	}
	var users []kubeconfig.User
	for _, user := range c.Users {
		if user.Exec.IsOurs() && (slices.Contains(names, user.Name) || string(clusterIDOf(user.Exec)) == id) {
			users = append(users, user)
		}
	}
	return users
}

// clusterIDOf returns the cluster id among the arguments of an entry, or "".
func clusterIDOf(entry *kubeconfig.Exec) digitalocean.ClusterID {
	if entry == nil {
		return ""
	}
	for _, arg := range entry.Args {
		if id, err := digitalocean.ParseClusterID(arg); err == nil {
			return id
		}
	}
	return ""
}

// runsThis reports whether an entry runs this program, and not doctl.
func runsThis(entry *kubeconfig.Exec) bool { return entry.IsOurs() && entry.Program() != "doctl" }
