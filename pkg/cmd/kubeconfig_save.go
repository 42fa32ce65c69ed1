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
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// kubeconfigSave is the command that writes clusters into a kubeconfig.
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
		Short: "Write clusters into the kubeconfig",
		Long: `save writes a cluster, a user and a context into the kubeconfig for each cluster, which is named by
its id or its name, or for all clusters of the account. kubectl and other clients then work with it.

An entry that is there is brought up to date, and keeps what else it says. All else in the file stays
byte for byte. The credential that tells the server and its certificate authority is cached: the first
kubectl finds it.

The user's entry says which access token is to be used if --context or --token-file says so here, or if
it is from a context of doctl's. --expiry-seconds, --api-url and --cache-dir are written into it too.

--timeout holds for each cluster, and for the file. The access token needs the scopes kubernetes:read
and kubernetes:access_cluster; the latter alone does where --alias is given and the cluster by its id.`,
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
	flags.BoolVar(&s.all, "all", false, "save every cluster of the account")
	flags.BoolVar(&s.setCurrent, "set-current-context", true, "make the cluster's context the current one")
	flags.Lookup("set-current-context").DefValue = "true for one cluster, else false"
	flags.BoolVar(&s.force, "force", false, "overwrite entries of the same name that are another cluster's")
	return cmd
}

func (s *kubeconfigSave) run(ctx context.Context, names []string) error {
	switch {
	case s.all && len(names) > 0:
		return usageErrorf("--all and names of clusters exclude each other")
	case !s.all && len(names) == 0:
		return usageErrorf("no cluster is named; --all means every one")
	case s.alias != "" && len(names) != 1:
		return usageErrorf("--alias is for one cluster")
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
	return s.failed(append(errs, conflicts...))
}

// save writes entries, and tells. It returns why some could not be written. first says that the first
// entry is of the first cluster that was named.
func (s *kubeconfigSave) save(ctx context.Context, found []kubeconfig.Entry, first bool) (conflicts []error, err error) {
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
	var told strings.Builder
	for i, names := range saved {
		if conflicts[i] == nil {
			fmt.Fprintf(&told, "saved context %q\n", names.Context)
		}
	}
	if current {
		fmt.Fprintf(&told, "the current context is %q\n", saved[0].Context)
	}
	if none {
		told.WriteString("there is no current context: 'kubectl config use-context NAME' chooses one\n")
	}
	_, err = fmt.Fprint(s.Stdout, told.String())
	return conflicts, err
}

// failed returns the failure that several are. Each is told of, if there is more than one.
func (s *kubeconfigSave) failed(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) > 1 {
		for _, err := range errs {
			fmt.Fprintf(s.Stderr, "not saved: %s\n", oneLine(err.Error()))
		}
	}
	return firstOf(errs)
}

// lookUp looks clusters up by their ids or names; without any it lists them all.
func (e *kubeconfigEntries) lookUp(ctx context.Context, account *account, names []string) ([]digitalocean.Cluster, error) {
	if err := e.checkForClients(); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return account.clusters(ctx)
	}
	var found []digitalocean.Cluster
	for _, name := range names {
		cluster, err := account.cluster(ctx, name)
		if id, notID := digitalocean.ParseClusterID(name); notID == nil && e.alias != "" && credential.ClassOf(err) == credential.Refused {
			cluster, err = digitalocean.Cluster{ID: id}, nil // its name isn't needed
		}
		if err != nil {
			return nil, err
		}
		found = append(found, cluster)
	}
	return found, nil
}

// fetchesAtOnce bounds how many credentials are fetched at the same time.
const fetchesAtOnce = 8

// fetchAll returns the entries of those clusters whose credentials could be fetched, in their order, and
// for each cluster the failure, or nil.
func (s *kubeconfigSave) fetchAll(ctx context.Context, account *account, clusters []digitalocean.Cluster) ([]kubeconfig.Entry, []error) {
	entries := make([]kubeconfig.Entry, len(clusters))
	errs := make([]error, len(clusters))
	var group errgroup.Group
	group.SetLimit(fetchesAtOnce)
	var mu sync.Mutex // guards what follows, and standard error
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
