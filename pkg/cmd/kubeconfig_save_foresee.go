package cmd

import (
	"context"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// foresee returns for each cluster why its entry can't be written, or nil: before anything is minted for it.
func (s *kubeconfigSave) foresee(
	ctx context.Context, account *account, clusters []digitalocean.Cluster,
) (foreseen []error, err error) {
	config, err := s.files.read(ctx, s.options)
	if err != nil {
		return nil, err
	}
	entries, errs := make([]kubeconfig.Entry, len(clusters)), make([]error, len(clusters))
	for i, cluster := range clusters {
		entries[i], errs[i] = s.expected(ctx, config, account, cluster)
	}
	found := entriesOf(entries, errs)
	s.listForReplacing(ctx, config, account, found)
	done, err := s.write(config, account, found, false)
	if err != nil {
		return nil, err
	}
	for i := range errs {
		if errs[i] == nil {
			errs[i], done.conflicts = done.conflicts[0], done.conflicts[1:]
		}
	}
	return errs, nil
}

// expected returns the entry that is going to be saved, as far as it is known without fetching a credential: the server
// is the one in the API's list, and the authority most likely the one that the kubeconfig has.
func (s *kubeconfigSave) expected(
	ctx context.Context, c *kubeconfig.Config, account *account, cluster digitalocean.Cluster,
) (kubeconfig.Entry, error) {
	entry, err := s.plan(account, cluster)
	if err != nil {
		return entry, err
	}
	entry.Server = cluster.Endpoint
	for _, old := range c.Clusters {
		if c.IDOf(&old) == entry.ClusterID && old.Server == entry.Server {
			entry.CA, _ = old.Authority()
		}
	}
	if store, key, known := account.entryOf(string(cluster.ID), s.fetch.expiry()); known {
		if got, err := store.Get(ctx, key); err == nil && got.Valid(s.Now()) {
			entry.Server, entry.CA = got.Server, got.CertificateAuthority
		}
	}
	return entry, nil
}
