package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// fetchesAtOnce is the maximum number of concurrent fetches.
const fetchesAtOnce = 8

// fetchAll fetches the clusters' credentials. It returns the entries of those that it could fetch, in order, and
// an error or nil for each cluster. If each of the first clusters is refused, it doesn't ask for the others: the reason
// is the access token's.
func (s *kubeconfigSave) fetchAll(
	ctx context.Context, account *account, clusters []digitalocean.Cluster,
) ([]kubeconfig.Entry, []error) {
	entries := make([]kubeconfig.Entry, len(clusters))
	errs := make([]error, len(clusters))
	shown := s.newProgress(len(clusters))
	defer shown.clear()
	fetch := func(from, to int) {
		var group errgroup.Group
		group.SetLimit(fetchesAtOnce)
		for i := from; i < to; i++ {
			group.Go(func() error {
				if errs[i] = ctx.Err(); errs[i] == nil {
					entries[i], errs[i] = s.fetchOne(ctx, account, clusters[i], shown)
					shown.step()
				}
				return nil
			})
		}
		group.Wait()
	}
	first := min(fetchesAtOnce, len(clusters))
	fetch(0, first)
	if refused := refusalOf(errs[:first]); refused == nil {
		fetch(first, len(clusters))
	} else {
		for i := first; i < len(clusters); i++ {
			errs[i] = &gettingError{account.nameOf(clusters[i].ID), refused}
		}
	}
	return entriesOf(entries, errs), errs
}

// refusalOf returns the reason of the first error, without its cluster, if all errors are refusals; else nil.
func refusalOf(errs []error) error {
	for _, err := range errs {
		if credential.ClassOf(err) != credential.Refused {
			return nil
		}
	}
	if e, ok := errors.AsType[*gettingError](errs[0]); ok {
		return e.err
	}
	return errs[0]
}

// fetchOne makes the entry of one cluster. With --wait it waits until the cluster has credentials.
func (s *kubeconfigSave) fetchOne(
	ctx context.Context, account *account, cluster digitalocean.Cluster, shown *progress,
) (kubeconfig.Entry, error) {
	fetch := func() (kubeconfig.Entry, error) {
		return bounded(ctx, s.options, func(ctx context.Context) (kubeconfig.Entry, error) {
			return s.entry(ctx, account, cluster)
		})
	}
	if !s.wait {
		return fetch()
	}
	w := &awaiting{kubeconfigSave: s, account: account, id: cluster.ID, shown: shown, since: s.Now()}
	var err error
	if cluster.State == digitalocean.StateProvisioning {
		cluster, err = w.await(ctx)
	}
	for err == nil {
		entry, fetchErr := fetch()
		if stateOf(fetchErr) != digitalocean.StateProvisioning {
			return entry, fetchErr
		}
		cluster, err = w.await(ctx)
	}
	return kubeconfig.Entry{}, err
}

const (
	// waitLimit is how long --wait waits. Most clusters are there after four to ten minutes.
	waitLimit = 15 * time.Minute

	// waitPause is the pause between two questions for the state.
	waitPause = 5 * time.Second
)

// awaiting is a wait for a cluster that is provisioning.
type awaiting struct {
	*kubeconfigSave

	account *account
	id      digitalocean.ClusterID
	shown   *progress
	since   time.Time
	said    bool
}

// await asks for the cluster's state, after a pause each time, until it is no longer provisioning. If the API doesn't
// answer, it asks again.
func (w *awaiting) await(ctx context.Context) (digitalocean.Cluster, error) {
	defer w.shown.say("")
	for {
		w.say()
		w.pause(ctx, waitPause)
		if ctx.Err() != nil {
			return digitalocean.Cluster{}, ctx.Err()
		}
		cluster, err := bounded(ctx, w.options, func(ctx context.Context) (digitalocean.Cluster, error) {
			return w.account.clusterByID(ctx, w.id)
		})
		if err == nil && cluster.State != digitalocean.StateProvisioning ||
			err != nil && credential.ClassOf(err) != credential.Unreachable {
			return cluster, err
		}
		if took := w.Now().Sub(w.since); took >= waitLimit {
			if err == nil {
				err = stateErrorOf(w.account.nameOf(w.id), cluster.State, nil)
			}
			return cluster, advise(credential.Unreachable,
				fmt.Errorf("gave up after %s: %w", waitLimit, err), "the same command goes on waiting")
		}
	}
}

// say shows for how long the cluster has been waited for. In a log it says only once that it is.
func (w *awaiting) say() {
	name := w.account.nameOf(w.id)
	took := w.Now().Sub(w.since).Truncate(time.Second)
	if !w.shown.say(fmt.Sprintf("waiting for %q, which is provisioning (%s)", name, took)) && !w.said {
		fmt.Fprintf(w.Stderr, "waiting for %q, which is provisioning\n", oneLine(name))
	}
	w.said = true
}
