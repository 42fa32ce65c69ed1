package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// newKubeconfig returns the commands about kubeconfig files.
func newKubeconfig(opts *options) *cobra.Command {
	return newGroup("kubeconfig", "Save, show, remove and convert entries in kubeconfig files",
		newKubeconfigSave(opts), newKubeconfigShow(opts), newKubeconfigRemove(opts), newKubeconfigConvert(opts))
}

// kubeconfigFiles are the kubeconfig files that a command works on.
type kubeconfigFiles struct{ path string }

func (k *kubeconfigFiles) addFlag(flags *pflag.FlagSet) {
	flags.Var(given{&k.path}, "kubeconfig", "work on this `file` (default those of $KUBECONFIG, or ~/.kube/config)")
}

func (k *kubeconfigFiles) paths(o *options) []string {
	return kubeconfig.Paths(k.path, o.Getenv, o.Home)
}

// edit changes the files, within --timeout. No signal that can be caught ends it with a lock left behind,
// which would keep kubectl from working.
func (k *kubeconfigFiles) edit(ctx context.Context, o *options, edit func(*kubeconfig.Config) error) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	ended := make(chan struct{})
	_, err := bounded(ctx, o, func(ctx context.Context) (struct{}, error) {
		defer close(ended)
		return struct{}{}, kubeconfig.Edit(ctx, k.paths(o), edit)
	})
	if o.timeout > 0 { // else it wasn't begun
		select {
		case <-ended:
		case <-time.After(untilUnlocked):
		}
	}
	return err
}

// untilUnlocked bounds how long an edit may take to give the locks back, beyond its time.
const untilUnlocked = 2 * time.Second

// kubeconfigEntries make the kubeconfig's entries of clusters.
type kubeconfigEntries struct {
	*options

	fetch          fetch
	alias          string
	sharedUser     bool
	command        string
	execAPIVersion string
}

func newEntries(opts *options) kubeconfigEntries {
	return kubeconfigEntries{options: opts, fetch: fetch{ignoreFailures: true}}
}

func (e *kubeconfigEntries) addFlags(flags *pflag.FlagSet) {
	e.fetch.addExpiryFlag(flags)
	flags.Var(given{&e.alias}, "alias", "name the context so, and not do-<region>-<`name`>")
	flags.BoolVar(&e.sharedUser, "shared-user", false, "have one user without a cluster id, doks or doks-<context>, for all clusters of the account")
	flags.Var(given{&e.command}, "command", "have clients run this `program` (default this one, by its absolute path)")
	flags.StringVar(&e.execAPIVersion, "exec-api-version", "v1", "have clients speak this `version`, v1 or v1beta1 (kubectl before 1.22)")
}

// entry returns the entry of a cluster. It takes the credential from the cache, or puts it there: the
// first client finds it.
func (e *kubeconfigEntries) entry(ctx context.Context, account *account, cluster digitalocean.Cluster) (kubeconfig.Entry, error) {
	exec, err := e.exec(account.token)
	if err != nil {
		return kubeconfig.Entry{}, err
	}
	entry := kubeconfig.Entry{
		Name:      "do-" + cluster.Region + "-" + cluster.Name,
		Alias:     e.alias,
		ClusterID: string(cluster.ID),
		Exec:      exec,
	}
	if cluster.Name == "" || cluster.Region == "" {
		entry.Name = e.alias
	}
	if entry.Name == "" {
		return kubeconfig.Entry{}, advise(credential.Unusable, fmt.Errorf("the API tells no name for cluster %q", cluster.ID), "--alias gives it one")
	}
	if e.sharedUser {
		entry.User = "doks"
		if account.token.Context != "" {
			entry.User += "-" + account.token.Context
		}
	} else {
		entry.Exec.Args = append(entry.Exec.Args, string(cluster.ID))
	}
	if err := entry.Check(); err != nil { // before anything is minted for it
		return kubeconfig.Entry{}, err
	}
	got, err := account.credential(ctx, cluster.ID, e.fetch)
	if err != nil {
		return kubeconfig.Entry{}, err
	}
	entry.Server, entry.CA = got.Server, got.CertificateAuthority
	return entry, nil
}
