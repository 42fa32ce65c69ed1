package digitalocean

import (
	"fmt"

	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// States of clusters. There are others, and new ones may appear.
const (
	StateRunning      = "running"
	StateProvisioning = "provisioning"
	StateDeleting     = "deleting"
	StateDeleted      = "deleted"
	StateErrored      = "error"
)

// StateError means that the API returns no credentials for a cluster, which is in a state other than running.
type StateError struct {
	Cluster string // its name, or its ID
	State   string // as the API said
	Err     error  // the API's answer to the call for credentials; nil if it wasn't called
}

// Error returns a message with the cluster and its state.
func (e *StateError) Error() string {
	switch e.State {
	case StateProvisioning:
		return fmt.Sprintf("the cluster %q is provisioning: it has no credentials yet", e.Cluster)
	case StateDeleting:
		return fmt.Sprintf("the cluster %q is being deleted: it has no credentials any more", e.Cluster)
	case StateDeleted:
		return fmt.Sprintf("the cluster %q has been deleted", e.Cluster)
	}
	return fmt.Sprintf("the cluster %q is in the state %s: it has no credentials", e.Cluster, show.Word(e.State))
}

// Unwrap returns the API's answer.
func (e *StateError) Unwrap() error { return e.Err }
