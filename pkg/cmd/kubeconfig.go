package cmd

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// newKubeconfig returns the commands about kubeconfig files.
func newKubeconfig(opts *options) *cobra.Command {
	return newGroup("kubeconfig", "Save, list, show, remove and convert kubeconfig entries",
		newKubeconfigSave(opts), newKubeconfigList(opts), newKubeconfigShow(opts), newKubeconfigRemove(opts),
		newKubeconfigPrune(opts), newKubeconfigConvert(opts))
}

// kubeconfigFiles are the kubeconfig files that a command works on.
type kubeconfigFiles struct{ path string }

func (k *kubeconfigFiles) addFlag(flags *pflag.FlagSet) {
	flags.Var(given{&k.path}, "kubeconfig", "kubeconfig `file` (default the files in $KUBECONFIG, or ~/.kube/config)")
}

func (k *kubeconfigFiles) paths(o *options) []string {
	return kubeconfig.Paths(k.path, o.Getenv, o.Home)
}

// read reads the files, within --timeout.
func (k *kubeconfigFiles) read(ctx context.Context, o *options) (*kubeconfig.Config, error) {
	return bounded(ctx, o, func(context.Context) (*kubeconfig.Config, error) { return kubeconfig.Read(k.paths(o)) })
}

// edit changes the files, within --timeout. If a signal that can be caught ends it, it leaves no lock behind,
// which would make kubectl fail.
func (k *kubeconfigFiles) edit(ctx context.Context, o *options, edit func(*kubeconfig.Config) error) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	ended := make(chan struct{})
	paths := k.paths(o)
	_, err := bounded(ctx, o, func(ctx context.Context) (struct{}, error) {
		defer close(ended)
		unlocked := o.waiting("another program to unlock the kubeconfig " + show.Path(strings.Join(paths, ", ")))
		defer unlocked()
		return struct{}{}, o.editor().Edit(ctx, paths, func(c *kubeconfig.Config) error {
			unlocked()
			return edit(c)
		})
	})
	if o.timeout > 0 { // otherwise it wasn't started
		select {
		case <-ended:
		case <-time.After(untilUnlocked):
		}
	}
	return err
}

// editor returns an editor that keeps the old texts of files which it writes in place among this user's state.
func (o *options) editor() kubeconfig.Editor {
	state := o.statePath()
	if state == "" {
		return kubeconfig.Editor{}
	}
	return kubeconfig.Editor{Backups: filepath.Join(state, "kubeconfigs")}
}

// untilUnlocked bounds how long an edit may take to release its locks after its time is up.
const untilUnlocked = 2 * time.Second

// kubeconfigEntries makes kubeconfig entries for clusters.
type kubeconfigEntries struct {
	*options

	fetch          fetch
	alias          string
	sharedUser     bool
	command        string
	execAPIVersion string
	sso            ssoChoice
	hasSSO         map[digitalocean.ClusterID]ssoFlags // of clusters whose entries use single sign-on already
}

func newEntries(opts *options) kubeconfigEntries {
	return kubeconfigEntries{options: opts, fetch: fetch{ignoreFailures: true}}
}

func (e *kubeconfigEntries) addFlags(flags *pflag.FlagSet) {
	e.fetch.addExpiryFlag(flags)
	flags.Var(given{&e.alias}, "alias", "context `name` (default do-<region>-<name>)")
	flags.BoolVar(&e.sharedUser, "shared-user", false,
		"write one user for all clusters of the account, doks or doks-<account>, without a cluster id; "+
			"not for single sign-on")
	flags.Var(given{&e.command}, "command", commandUsage)
	flags.StringVar(&e.execAPIVersion, "exec-api-version", "v1",
		"protocol `version` for clients to use, v1 or v1beta1 (kubectl before 1.22)")
	e.sso.addTo(flags)
}

const commandUsage = "`program` for clients to run (default the absolute path of this one)"

// entry returns a cluster's entry. It caches the credential that it fetches, so that the first client finds it.
func (e *kubeconfigEntries) entry(
	ctx context.Context, account *account, cluster digitalocean.Cluster,
) (kubeconfig.Entry, error) {
	entry, err := e.plan(account, cluster) // before minting a token for it
	if err != nil {
		return kubeconfig.Entry{}, err
	}
	if sso, _ := e.ssoOf(cluster); sso != nil { // plan has returned its error
		err := e.fillSSO(ctx, account, cluster, sso, &entry)
		return entry, err
	}
	got, err := account.credential(ctx, cluster.ID, e.fetch)
	if err != nil {
		return kubeconfig.Entry{}, err
	}
	entry.Server, entry.CA = got.Server, got.CertificateAuthority
	return entry, nil
}

// plan returns a cluster's entry without what comes with a credential: the server and its authority.
func (e *kubeconfigEntries) plan(account *account, cluster digitalocean.Cluster) (kubeconfig.Entry, error) {
	sso, err := e.ssoOf(cluster)
	if err != nil {
		return kubeconfig.Entry{}, err
	}
	exec, err := e.exec(account.Account)
	if sso != nil {
		exec, err = e.ssoExec(*sso)
	}
	if err != nil {
		return kubeconfig.Entry{}, err
	}
	entry := kubeconfig.Entry{
		Name:      defaultName(cluster),
		Alias:     e.alias,
		ClusterID: string(cluster.ID),
		Exec:      exec,
	}
	if cluster.Name == "" || cluster.Region == "" {
		entry.Name = e.alias
	}
	if entry.Name == "" {
		return kubeconfig.Entry{}, advise(credential.Unusable,
			fmt.Errorf("the API returned no name for cluster %q", cluster.ID), "--alias gives it one")
	}
	if e.sharedUser && sso == nil {
		entry.User = "doks"
		if suffix := cmp.Or(account.Login, account.Context); suffix != "" {
			entry.User += "-" + suffix
		}
	} else {
		entry.Exec.Args = append(entry.Exec.Args, string(cluster.ID))
	}
	return entry, entry.Check()
}
