package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

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
	setCurrent bool
	force      bool
}

func newKubeconfigSave(opts *options) *cobra.Command {
	s := &kubeconfigSave{kubeconfigEntries: newEntries(opts)}
	cmd := &cobra.Command{
		Use:   "save CLUSTER…",
		Short: "Add clusters to the kubeconfig, or update them",
		Long: `save writes a cluster, a user and a context to the kubeconfig for each cluster that is given by id or
name, or with --all for each cluster of the account. kubectl and other clients then work with it.

An existing entry is updated, and keeps its other fields. Everything else in the file stays the same,
byte for byte. The API returns the server and its certificate authority together with a credential,
which save caches for the first kubectl.

The user's entry records which access token to use: the login, the doctl context or the --token-file.
An access token from the environment isn't recorded: each client then needs the variable, too. The entry
also records --expiry-seconds, --api-url and --cache-dir.

--timeout applies to each cluster, and to the file. The access token needs the scopes kubernetes:read
and kubernetes:access_cluster; the latter is enough if --alias is given and the cluster is given by id.`,
		ValidArgsFunction: opts.completeClusters,
		Example: `  doks-auth kubeconfig save production
  doks-auth kubeconfig save 8d91899c-0739-4a1a-acc5-deadbeefbb8f --alias production
  doks-auth kubeconfig save --all --context work`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("set-current-context") {
				s.setCurrent = len(args) == 1
			}
			return s.run(cmd.Context(), args)
		},
	}
	flags := cmd.Flags()
	s.addFlags(flags)
	s.files.addFlag(flags)
	flags.BoolVar(&s.all, "all", false, "save all clusters of the account")
	flags.BoolVar(&s.setCurrent, "set-current-context", true, "make the cluster's context the current one")
	flags.Lookup("set-current-context").DefValue = "true for one cluster, otherwise false"
	flags.BoolVar(&s.force, "force", false, "overwrite entries of the same name that belong to another cluster")
	return cmd
}

func (s *kubeconfigSave) run(ctx context.Context, names []string) error {
	switch {
	case s.all && len(names) > 0:
		return usageErrorf("--all can't be combined with clusters")
	case !s.all && len(names) == 0:
		return usageErrorf("no cluster is named; --all saves all of them")
	case s.alias != "" && len(names) != 1:
		return usageErrorf("--alias can be used with only one cluster")
	}
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
	found, errs := s.fetchAll(ctx, account, clusters)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(found) == 0 {
		return s.failed(errs)
	}
	conflicts, err := s.save(ctx, found, errs[0] == nil)
	if err != nil {
		return err
	}
	s.noteVariable(account)
	return s.failed(append(errs, conflicts...))
}

// save writes entries to the kubeconfig and prints what it did. For each entry it returns why it couldn't be
// written, or nil. first says that the first entry is that of the first cluster on the command line.
func (s *kubeconfigSave) save(
	ctx context.Context, found []kubeconfig.Entry, first bool,
) (conflicts []error, err error) {
	var saved []kubeconfig.Saved
	current, none := false, false
	err = s.files.edit(ctx, s.options, func(c *kubeconfig.Config) error {
		saved, conflicts = c.Save(found, s.force)
		if current = s.setCurrent && first && conflicts[0] == nil; current {
			c.SetCurrentContext(saved[0].Context)
		}
		none = c.CurrentContext == ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	for i, names := range saved {
		if conflicts[i] == nil {
			fmt.Fprintf(&out, "saved context %q\n", names.Context)
		}
	}
	if current {
		fmt.Fprintf(&out, "the current context is %q\n", saved[0].Context)
	}
	if none {
		out.WriteString("there is no current context: 'kubectl config use-context NAME' chooses one\n")
	}
	_, err = fmt.Fprint(s.Stdout, out.String())
	return conflicts, err
}

// noteVariable says that clients will need the variable that the access token comes from.
func (s *kubeconfigSave) noteVariable(account *account) {
	name := s.variableOf(account.Account)
	if name == "" {
		return
	}
	instead := "unset it after 'doks-auth auth login', or use --token-file"
	if name == accounts.FileEnvVar {
		instead = "use --token-file"
	}
	fmt.Fprintf(s.Stderr, "kubectl needs %s in its environment, too; to avoid that, %s\n", name, instead)
}

// failed returns one error for several, or nil. If there is more than one, it prints each.
func (s *kubeconfigSave) failed(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) > 1 {
		for _, err := range errs {
			fmt.Fprintf(s.Stderr, "not saved: %s\n", oneLine(err.Error()))
		}
	}
	return firstOf(errs)
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
		return account.clusters(ctx)
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
		found = append(found, cluster)
	}
	return found, nil
}

// fetchesAtOnce is the maximum number of concurrent fetches.
const fetchesAtOnce = 8

// fetchAll fetches the clusters' credentials. It returns the entries of those that it could fetch, in order, and
// an error or nil for each cluster.
func (s *kubeconfigSave) fetchAll(
	ctx context.Context, account *account, clusters []digitalocean.Cluster,
) ([]kubeconfig.Entry, []error) {
	entries := make([]kubeconfig.Entry, len(clusters))
	errs := make([]error, len(clusters))
	var group errgroup.Group
	group.SetLimit(fetchesAtOnce)
	var mu sync.Mutex // guards done, and standard error
	done := 0
	for i, cluster := range clusters {
		group.Go(func() error {
			entries[i], errs[i] = bounded(ctx, s.options, func(ctx context.Context) (kubeconfig.Entry, error) {
				return s.entry(ctx, account, cluster)
			})
			mu.Lock()
			defer mu.Unlock()
			if done++; s.all && errs[i] == nil {
				fmt.Fprintf(s.Stderr, "fetched %d/%d: %q\n", done, len(clusters), cluster.Name)
			}
			return nil
		})
	}
	group.Wait()
	var found []kubeconfig.Entry
	for i, entry := range entries {
		if errs[i] == nil {
			found = append(found, entry)
		}
	}
	return found, errs
}
