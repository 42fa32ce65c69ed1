package cmd

import (
	"context"
	"errors"
	"net/http"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// stateError returns an error with a cluster's state if that explains why the API returned no credential, or nil. For a
// person it asks the API for the state, which mints nothing.
func (a *account) stateError(ctx context.Context, id digitalocean.ClusterID, how fetch, err error) error {
	e, ok := errors.AsType[*credential.Error](err)
	if !ok {
		return nil
	}
	switch e.Status {
	case http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity:
	default:
		return nil
	}
	cluster, ok := a.seenCluster(id)
	if !ok && how.ignoreFailures {
		if found, lookUpErr := a.clusterByID(ctx, id); lookUpErr == nil {
			cluster = found
		}
	}
	if hasCredentials(cluster.State) {
		return nil
	}
	return a.inState(id, cluster.State, err)
}

func (a *account) seenCluster(id digitalocean.ClusterID) (digitalocean.Cluster, bool) {
	cluster, ok := a.seen.Load(id)
	if !ok {
		return digitalocean.Cluster{}, false
	}
	return cluster.(digitalocean.Cluster), true
}

// hasCredentials reports whether clusters in a state have credentials, as far as is known. "" is an unknown state.
func hasCredentials(state string) bool {
	switch state {
	case "", digitalocean.StateRunning, "degraded", "upgrading":
		return true
	}
	return false
}

// lacksCredentials reports whether clusters in a state have no credentials, as far as is known.
func lacksCredentials(state string) bool {
	switch state {
	case digitalocean.StateProvisioning, digitalocean.StateErrored, digitalocean.StateDeleting, digitalocean.StateDeleted:
		return true
	}
	return false
}

// inState returns the error for a cluster in a state without credentials. One that is on its way can't be reached
// yet; all others are as the API says or, without an answer of the API, as good as gone.
func (a *account) inState(id digitalocean.ClusterID, state string, err error) error {
	class := credential.NotFound
	switch {
	case state == digitalocean.StateProvisioning:
		class = credential.Unreachable
	case err != nil && state != digitalocean.StateDeleted && state != digitalocean.StateDeleting:
		class = credential.ClassOf(err)
	}
	e := &digitalocean.StateError{Cluster: a.nameOf(id), State: state, Err: err}
	if state == digitalocean.StateProvisioning {
		save := "doks-auth kubeconfig save --wait " + shellword.Quote(e.Cluster, "CLUSTER") + a.accountFlags()
		return advise(class, e, shellword.Command(save)+" waits until it has")
	}
	return &credential.Error{Class: class, Err: e}
}

// stateOf returns the state that an error is about, or "".
func stateOf(err error) string {
	if e, ok := errors.AsType[*digitalocean.StateError](err); ok {
		return e.State
	}
	return ""
}
