package cmd

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/oidc"
)

// ssoChoice says which clusters get a user that signs in at the cluster's OpenID provider.
type ssoChoice struct {
	with, without bool
	port          int
	all           bool // the choice is for many clusters: it holds where it can
}

func (c *ssoChoice) addTo(flags *pflag.FlagSet) {
	flags.BoolVar(&c.with, "sso", false, "use single sign-on if the cluster has it (default: only if it requires it)")
	flags.BoolVar(&c.without, "no-sso", false, "use an access token, even if the existing entry uses single sign-on")
	flags.Var(port{&c.port}, "sso-callback-port",
		"local `port` to which the browser returns; the provider's client must be registered for it (default 8080)")
}

// choose reports whether a cluster's user uses single sign-on. had says that it already does.
func (c ssoChoice) choose(cluster digitalocean.Cluster, had bool) (bool, error) {
	switch {
	case c.with && c.without:
		return false, usageErrorf("--sso can't be combined with --no-sso")
	case c.without && cluster.SSO.Required && !c.all:
		return false, advise(credential.Usage, fmt.Errorf("cluster %q accepts single sign-on only", cluster.Name),
			"leave out --no-sso")
	case c.with && !cluster.SSO.Enabled && !c.all:
		return false, advise(credential.Usage, fmt.Errorf("cluster %q has no single sign-on", cluster.Name),
			"leave out --sso")
	}
	return cluster.SSO.Enabled && (cluster.SSO.Required || c.with || had && !c.without), nil
}

// ssoOf returns the flags of the user of a cluster for single sign-on, or nil if it uses an access token.
func (e *kubeconfigEntries) ssoOf(cluster digitalocean.Cluster) (*ssoFlags, error) {
	had, has := e.hasSSO[cluster.ID]
	use, err := e.sso.choose(cluster, has)
	if err != nil || !use {
		return nil, err
	}
	flags := &ssoFlags{cluster.SSO.IssuerURL, cluster.SSO.ClientID, cmp.Or(e.sso.port, had.port)}
	if err := flags.client().Check(); err != nil {
		return nil, &credential.Error{
			Class: credential.Unusable,
			Err:   fmt.Errorf("the single sign-on of cluster %q can't be used: %w", cluster.Name, err),
		}
	}
	return flags, nil
}

// fillSSO completes the entry of a cluster with single sign-on, and records the provider and the cluster.
func (e *kubeconfigEntries) fillSSO(
	ctx context.Context, account *account, cluster digitalocean.Cluster, flags *ssoFlags, entry *kubeconfig.Entry,
) error {
	found, err := account.ssoServer(ctx, cluster.ID, e.fetch)
	if err != nil {
		return err
	}
	found.Client = flags.client()
	entry.Server, entry.CA = found.Server, found.CertificateAuthority
	return e.record(ctx, found)
}

// findSSO finds out which entries of the kubeconfig use single sign-on.
func (s *kubeconfigSave) findSSO(ctx context.Context) {
	config, err := s.files.read(ctx, s.options)
	if err != nil {
		return // whoever edits it will say so
	}
	s.hasSSO = make(map[digitalocean.ClusterID]ssoFlags)
	for _, user := range config.Users {
		if flags := s.ssoOfExec(user.Exec); flags.isSet() {
			s.hasSSO[clusterIDOf(user.Exec)] = flags
		}
	}
}

// ssoExec returns how clients should run this program for single sign-on.
func (e *kubeconfigEntries) ssoExec(flags ssoFlags) (kubeconfig.Exec, error) {
	exec, err := e.baseExec()
	if err != nil {
		return kubeconfig.Exec{}, err
	}
	exec.InteractiveMode = "IfAvailable"
	exec.Args = append(exec.Args, flags.args()...)
	if e.cacheDir != "" {
		exec.Args = append(exec.Args, "--cache-dir="+e.cacheDir)
	}
	return exec, nil
}

// record records where a cluster's ID tokens come from and may go. A client's run believes only that.
func (o *options) record(ctx context.Context, cluster oidc.Cluster) error {
	if _, err := o.sessions().Record(ctx, cluster.Client); err != nil {
		return adviseOnState(err)
	}
	return adviseOnState(o.sessions().Pin(cluster))
}

// ssoServer returns the server and the certificate authority of a cluster with single sign-on.
func (a *account) ssoServer(ctx context.Context, id digitalocean.ClusterID, how fetch) (oidc.Cluster, error) {
	client, err := a.client()
	if err != nil {
		return oidc.Cluster{}, err
	}
	arrived := a.waiting(theAPI)
	server, authority, err := client.SSOServer(ctx, id)
	arrived()
	if err == nil {
		return oidc.Cluster{ID: string(id), Server: server, CertificateAuthority: authority}, nil
	}
	if err := a.stateError(ctx, id, how, err); err != nil {
		return oidc.Cluster{}, err
	}
	return oidc.Cluster{}, &gettingError{a.nameOf(id), a.explain(err)}
}
