package cmd

import (
	"errors"
	"fmt"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/serverurl"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
	"github.com/doks-auth/doks-auth/pkg/oidc"
)

// pinnable returns a cluster as an entry of a kubeconfig that a person trusts has it. What is recorded already counts
// for more: the entry must not contradict it.
func (o *options) pinnable(id string, entry *kubeconfig.Cluster, client oidc.Client) (oidc.Cluster, error) {
	refuse := func(err error) error { return &credential.Error{Class: credential.Unsafe, Err: err} }
	if entry == nil {
		return oidc.Cluster{}, usageError(errors.New("the kubeconfig has no cluster entry for it"))
	}
	server, err := serverurl.Parse(entry.Server)
	switch {
	case entry.InsecureSkipTLSVerify:
		return oidc.Cluster{}, refuse(errors.New("its cluster's server isn't verified (insecure-skip-tls-verify)"))
	case err != nil || !serverurl.IsPrivate(server):
		return oidc.Cluster{}, refuse(fmt.Errorf("its cluster's server is not https: %s", show.URL(entry.Server)))
	}
	authority, err := entry.Authority()
	if err != nil {
		return oidc.Cluster{}, usageError(err)
	}
	found := oidc.Cluster{ID: id, Server: entry.Server, CertificateAuthority: authority, Client: client}
	pinned, err := o.sessions().Pinned(id)
	switch {
	case errors.Is(err, oidc.ErrNotPinned):
		return found, nil
	case err != nil:
		return found, err
	case pinned.Client != client:
		return found, &credential.Error{Class: credential.Unsafe, Err: oidc.ErrOtherClient}
	}
	recorded := credential.Credential{Server: pinned.Server, CertificateAuthority: pinned.CertificateAuthority}
	if err := recorded.CheckTarget(credential.Target{Server: entry.Server, CertificateAuthority: authority}); err != nil {
		return found, refuse(fmt.Errorf("its cluster differs from what is recorded on this machine: %w", err))
	}
	return pinned, nil
}

func usageError(err error) error { return &credential.Error{Class: credential.Usage, Err: err} }

// ssoEntry is a context of a kubeconfig whose user signs in at an OpenID provider.
type ssoEntry struct {
	flags   ssoFlags
	cluster oidc.Cluster // zero if the user's entry names none
}

// ssoEntry returns the provider and the cluster of a context, the current one if name is "".
func (o *options) ssoEntry(config *kubeconfig.Config, name string) (ssoEntry, error) {
	context, user, entry, err := o.ssoUser(config, name)
	if err != nil {
		return ssoEntry{}, err
	}
	found := ssoEntry{flags: entry.sso}
	if id := string(clusterIDOf(user.Exec)); id != "" && user.Exec.ProvideClusterInfo && !entry.skipServerCheck {
		found.cluster, err = o.pinnable(id, config.Cluster(context.Cluster), entry.sso.client())
		if err != nil {
			return ssoEntry{}, advise(credential.ClassOf(err),
				fmt.Errorf("the context %q can't be used: %w", context.Name, err),
				"'doks-auth kubeconfig save' asks DigitalOcean for the cluster's server")
		}
	}
	return found, nil
}

// ssoFlagsOf returns the provider of a context, the current one if name is "".
func (o *options) ssoFlagsOf(config *kubeconfig.Config, name string) (ssoFlags, error) {
	_, _, entry, err := o.ssoUser(config, name)
	if err != nil {
		return ssoFlags{}, err
	}
	return entry.sso, nil
}

// ssoUser returns a context, the current one if name is "", and its user, who signs in at an OpenID provider.
func (o *options) ssoUser(
	config *kubeconfig.Config, name string,
) (*kubeconfig.Context, *kubeconfig.User, *execCredential, error) {
	if name == "" {
		name = config.CurrentContext
	}
	context := config.Context(name)
	if context == nil {
		err := errors.New("there is no current context")
		if name != "" {
			err = fmt.Errorf("the kubeconfig has no context %q", name)
		}
		return nil, nil, nil, advise(credential.Usage, err, o.ssoContextsHint(config))
	}
	user := config.User(context.User)
	switch {
	case user == nil || !user.Exec.IsOurs():
		return nil, nil, nil, advise(credential.Usage,
			fmt.Errorf("the user of context %q doesn't run doks-auth", name), o.ssoContextsHint(config))
	case !runsThis(user.Exec):
		return nil, nil, nil, advise(credential.Usage,
			fmt.Errorf("the user of context %q runs doctl", name), "'doks-auth kubeconfig convert' replaces it with doks-auth")
	}
	entry, _, err := o.parseEntry(user.Exec)
	if err == nil && !entry.sso.isSet() {
		return nil, nil, nil, advise(credential.Usage,
			fmt.Errorf("the user of context %q doesn't use single sign-on", name), o.ssoContextsHint(config))
	}
	if err == nil {
		err = entry.sso.check()
	}
	if err != nil {
		return nil, nil, nil, usageError(fmt.Errorf("the user of context %q: %w", name, err))
	}
	return context, user, entry, nil
}

// ssoContextsHint names the contexts with single sign-on.
func (o *options) ssoContextsHint(config *kubeconfig.Config) string {
	names := o.ssoContexts(config)
	if len(names) == 0 {
		return "'doks-auth kubeconfig save CLUSTER' writes one for a cluster that has single sign-on"
	}
	return "these use single sign-on: " + someOf(names)
}

// ssoOfExec returns the provider that a user's exec entry names, or no flags if it doesn't run this program with one.
func (o *options) ssoOfExec(exec *kubeconfig.Exec) ssoFlags {
	if !runsThis(exec) {
		return ssoFlags{}
	}
	entry, _, err := o.parseEntry(exec)
	if err != nil {
		return ssoFlags{}
	}
	return entry.sso
}

func (o *options) ssoContexts(config *kubeconfig.Config) []string {
	var names []string
	for _, context := range config.Contexts {
		user := config.User(context.User)
		if user != nil && o.ssoOfExec(user.Exec).isSet() {
			names = append(names, context.Name)
		}
	}
	return names
}
