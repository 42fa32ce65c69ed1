package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// fetchesAtOnce is the maximum number of concurrent fetches.
const fetchesAtOnce = 8

// fetchAll fetches the clusters' credentials. It returns the entries of those that it could fetch, in order, and
// an error or nil for each cluster. If the API refuses the access token, or doesn't answer, for each of the first
// clusters, it doesn't ask for the others.
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
	if common := commonCause(errs[:first]); common == nil {
		fetch(first, len(clusters))
	} else {
		for i := first; i < len(clusters); i++ {
			errs[i] = &gettingError{account.nameOf(clusters[i].ID), common}
		}
	}
	return entriesOf(entries, errs), errs
}

// commonCause returns the cause of the first error if none of them is about its own cluster; else nil.
func commonCause(errs []error) error {
	var first error
	for _, err := range errs {
		e, ok := errors.AsType[*gettingError](err)
		if class := credential.ClassOf(err); !ok || class != credential.Refused && class != credential.Unreachable {
			return nil
		}
		first = cmp.Or(first, e.err)
	}
	return first
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
		if credential.StatusOf(err) == http.StatusNotFound {
			return cluster, w.account.inState(w.id, digitalocean.StateDeleted, err)
		}
		if err == nil && cluster.State != digitalocean.StateProvisioning ||
			err != nil && credential.ClassOf(err) != credential.Unreachable {
			return cluster, err
		}
		if took := w.Now().Sub(w.since); took >= waitLimit {
			if err == nil {
				err = w.account.inState(w.id, cluster.State, nil)
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
