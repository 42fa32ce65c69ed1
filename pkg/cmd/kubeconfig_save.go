package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/accounts"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// kubeconfigSave is the command that adds clusters to a kubeconfig.
type kubeconfigSave struct {
	kubeconfigEntries

	files      kubeconfigFiles
	all        bool
	wait       bool
	setCurrent bool
	force      bool
	dryRun     bool
}

func newKubeconfigSave(opts *options) *cobra.Command {
	s := &kubeconfigSave{kubeconfigEntries: newEntries(opts)}
	cmd := &cobra.Command{
		Use:        "save [CLUSTER…]",
		SuggestFor: []string{"add"},
		Short:      "Add clusters to the kubeconfig, or update them",
		Long: `save writes a cluster, a user and a context to the kubeconfig for each cluster that is given by id or
name, or with --all for each cluster of the account. kubectl and other clients then work with it. Without
a cluster, on a terminal, save asks for one or several.

An existing entry is updated, and keeps its other fields. An entry for another cluster is replaced only if
the account no longer has that cluster, or with --force; otherwise nothing is fetched for it. Everything
else in the file stays the same, byte for byte. The API returns the server and its certificate authority
together with a credential, which save caches for the first kubectl.

The user's entry records which access token to use: the login, the doctl context or the --token-file.
An access token from the environment isn't recorded: each client then needs the variable, too. The entry
also records --expiry-seconds, --api-url, --cache-dir and --shared-cache-file.

If a cluster requires single sign-on, or if it has it and --sso is given, the entry records the cluster's
OpenID provider, at which clients have you sign in, and no access token. An entry that uses single sign-on
keeps using it unless --no-sso is given.

--wait waits up to 15 minutes for clusters that are provisioning. --timeout applies to each cluster, and to
the file. The access token needs the scopes kubernetes:read and kubernetes:access_cluster; the latter is
enough if --alias is given and the cluster is given by id.`,
		ValidArgsFunction: opts.completeClusters,
		Example: `  doks-auth kubeconfig save production
  doks-auth kubeconfig save 8d91899c-0739-4a1a-acc5-deadbeefbb8f --alias production
  doks-auth kubeconfig save --all --context work
  doks-auth kubeconfig save production --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen := cmd.Flags().Changed("set-current-context")
			return s.run(cmd.Context(), args, chosen)
		},
	}
	flags := cmd.Flags()
	s.addFlags(flags)
	s.files.addFlag(flags)
	flags.BoolVar(&s.all, "all", false, "save all clusters of the account")
	flags.BoolVar(&s.wait, "wait", false, "wait for clusters that are provisioning")
	flags.BoolVar(&s.setCurrent, "set-current-context", true, "make the cluster's context the current one")
	flags.Lookup("set-current-context").DefValue = "true for one cluster, otherwise false"
	flags.BoolVar(&s.force, "force", false, "overwrite entries of the same name that belong to another cluster")
	flags.BoolVar(&s.dryRun, "dry-run", false, "print the lines that would change, and modify and fetch nothing")
	return cmd
}

// run saves clusters. isSet says that a flag says whether the context becomes the current one.
func (s *kubeconfigSave) run(ctx context.Context, names []string, isSet bool) error {
	asks := !s.all && len(names) == 0 && s.canAsk()
	switch {
	case s.all && len(names) > 0:
		return usageErrorf("--all can't be combined with clusters")
	case !s.all && len(names) == 0 && !asks:
		return usageErrorf("no cluster is named; --all saves all of them")
	case s.alias != "" && len(names) != 1 && !asks:
		return usageErrorf("--alias can be used with only one cluster")
	case s.wait && s.dryRun:
		return usageErrorf("--wait can't be combined with --dry-run")
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	s.sso.all = s.all || len(names) > 1
	s.findSSO(ctx)
	account, err := s.account()
	if err != nil {
		return err
	}
	clusters, err := bounded(ctx, s.options, func(ctx context.Context) ([]digitalocean.Cluster, error) {
		return s.lookUp(ctx, account, names)
	})
	if err != nil {
		return err
	}
	if len(clusters) == 0 {
		_, err := io.WriteString(s.Stderr, "No clusters found.\n")
		return err
	}
	if asks {
		if clusters, err = s.ask(ctx, clusters); err != nil {
			return err
		}
	}
	if !isSet {
		s.setCurrent = !s.all && len(clusters) == 1
	}
	if s.dryRun {
		return s.preview(ctx, account, clusters)
	}
	return s.saveAll(ctx, account, clusters)
}

// saveAll fetches what clusters need, and writes it.
func (s *kubeconfigSave) saveAll(ctx context.Context, account *account, clusters []digitalocean.Cluster) error {
	foreseen, err := s.foresee(ctx, account, clusters)
	if ctx.Err() != nil {
		return s.interrupted(0, len(clusters))
	}
	if err != nil {
		return err
	}
	var possible []digitalocean.Cluster
	for i, cluster := range clusters {
		if foreseen[i] == nil {
			possible = append(possible, cluster)
		}
	}
	if len(possible) == 0 {
		return s.failed(foreseen)
	}
	found, errs := s.fetchAll(ctx, account, possible)
	if ctx.Err() != nil {
		return s.interrupted(len(found), len(possible))
	}
	failures := append(foreseen, errs...)
	if len(found) == 0 {
		return s.failed(failures)
	}
	conflicts, err := s.save(ctx, account, found, foreseen[0] == nil && errs[0] == nil)
	if errors.Is(err, context.Canceled) {
		return s.interrupted(len(found), len(possible))
	}
	if err != nil {
		return err
	}
	s.noteVariable(account, possible)
	return s.failed(append(failures, conflicts...))
}

// interrupted returns the error of a run that was interrupted before it wrote the kubeconfig.
func (s *kubeconfigSave) interrupted(fetched, of int) error {
	err := &interruptedError{left: "nothing was written to the kubeconfig"}
	switch {
	case of == 1 && fetched == 1:
		err.hint = "the credential is kept in the cache: the same command goes on from there"
	case fetched > 0:
		err.hint = fmt.Sprintf("the credentials of %d of %d clusters are kept in the cache: "+
			"the same command goes on from there", fetched, of)
	}
	return err
}

// noteVariable says that clients will need the variable that the access token comes from.
func (s *kubeconfigSave) noteVariable(account *account, clusters []digitalocean.Cluster) {
	usesSSO := func(cluster digitalocean.Cluster) bool {
		sso, _ := s.ssoOf(cluster)
		return sso != nil
	}
	name := s.variableOf(account.Account)
	if name == "" || !slices.ContainsFunc(clusters, func(c digitalocean.Cluster) bool { return !usesSSO(c) }) {
		return
	}
	instead := "unset it after 'doks-auth auth login', or use --token-file"
	if name == accounts.FileEnvVar {
		instead = "use --token-file"
	}
	fmt.Fprintf(s.Stderr, "kubectl needs %s in its environment, too; to avoid that, %s\n", name, instead)
}

// lookUp looks up clusters by id or name; without names it returns all clusters of the account.
func (e *kubeconfigEntries) lookUp(
	ctx context.Context, account *account, names []string,
) ([]digitalocean.Cluster, error) {
	if err := e.checkForClients(); err != nil {
		return nil, err
	}
	if _, err := e.exec(account.Account); err != nil { // before anything is asked
		return nil, err
	}
	if len(names) == 0 {
		clusters, err := account.clusters(ctx)
		account.callByName(clusters)
		return clusters, err
	}
	var found []digitalocean.Cluster
	for _, name := range names {
		cluster, err := account.cluster(ctx, name)
		id, notID := digitalocean.ParseClusterID(name)
		if notID == nil && e.alias != "" && credential.ClassOf(err) == credential.Refused {
			cluster, err = digitalocean.Cluster{ID: id}, nil // its name isn't needed
		}
		if err != nil {
			return nil, err
		}
		same := func(other digitalocean.Cluster) bool { return other.ID == cluster.ID }
		if !slices.ContainsFunc(found, same) {
			found = append(found, cluster)
		}
	}
	return found, nil
}

// entriesOf returns the entries that were made, without the gaps of those that failed.
func entriesOf(entries []kubeconfig.Entry, errs []error) []kubeconfig.Entry {
	var made []kubeconfig.Entry
	for i, entry := range entries {
		if errs[i] == nil {
			made = append(made, entry)
		}
	}
	return made
}
