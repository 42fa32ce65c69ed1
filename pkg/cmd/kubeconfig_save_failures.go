package cmd

import (
	"errors"
	"fmt"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// failed returns one error for several, or nil. Clusters with the same reason have one line together. If there are
// several reasons, it prints each.
func (s *kubeconfigSave) failed(errs []error) error {
	groups := sameReason(errs)
	switch len(groups) {
	case 0:
		return nil
	case 1:
		return groups[0].error()
	}
	failed := 0
	for _, group := range groups {
		failed += len(group.errs)
		fmt.Fprintf(s.Stderr, "not saved: %s%s\n", oneLine(group.error().Error()), group.clusters())
	}
	first := groups[0].error()
	return advise(credential.ClassOf(first), fmt.Errorf("%d clusters were not saved: see above", failed), hintOf(first))
}

// failures are those of several clusters that have the same reason.
type failures struct {
	reason string
	errs   []error
}

// sameReason groups errors by their reason, in the order of the first ones. It skips nil.
func sameReason(errs []error) []failures {
	var groups []failures
	at := make(map[string]int)
	for _, err := range errs {
		if err == nil {
			continue
		}
		reason := reasonOf(err)
		i, ok := at[reason]
		if !ok {
			i = len(groups)
			at[reason] = i
			groups = append(groups, failures{reason: reason})
		}
		groups[i].errs = append(groups[i].errs, err)
	}
	return groups
}

// reasonOf returns what failures of different clusters for one reason have in common. The API's answers to two calls
// differ, in the id of the request.
func reasonOf(err error) string {
	if state := stateOf(err); state != "" {
		return "state " + state
	}
	if _, ok := errors.AsType[*kubeconfig.ConflictError](err); ok {
		return "conflict"
	}
	e, ok := errors.AsType[*gettingError](err)
	if !ok {
		return err.Error()
	}
	if answer, ok := errors.AsType[*credential.Error](err); ok && answer.Status != 0 {
		return fmt.Sprint("status ", answer.Status)
	}
	return e.err.Error()
}

// error returns one error for all.
func (f failures) error() error {
	if len(f.errs) == 1 {
		return f.errs[0]
	}
	if stateOf(f.errs[0]) != "" {
		return f.stateError()
	}
	if _, ok := errors.AsType[*kubeconfig.ConflictError](f.errs[0]); ok {
		return f.conflict()
	}
	e, ok := errors.AsType[*gettingError](f.errs[0])
	if !ok {
		return f.errs[0] // it is about none of the clusters
	}
	return fmt.Errorf("getting credentials for %d clusters: %w", len(f.errs), e.err)
}

// clusters returns the names of several clusters, if their error doesn't have them.
func (f failures) clusters() string {
	var names []string
	for _, err := range f.errs {
		if e, ok := errors.AsType[*gettingError](err); ok {
			names = append(names, e.cluster)
		}
	}
	if len(names) < 2 {
		return ""
	}
	return ": " + oneLine(quotedSome(names))
}

// conflict returns one error for clusters whose names are taken.
func (f failures) conflict() error {
	var names []string
	for _, err := range f.errs {
		e, _ := errors.AsType[*kubeconfig.ConflictError](err)
		names = append(names, e.Cluster)
	}
	return advise(credential.Usage, fmt.Errorf("saving %d clusters: entries of these names already exist for others: %s",
		len(names), quotedSome(names)),
		"--alias gives a cluster another name, if it is saved alone; --force overwrites the old entries")
}

// stateError returns one error for clusters in the same state.
func (f failures) stateError() error {
	var names []string
	for _, err := range f.errs {
		e, _ := errors.AsType[*digitalocean.StateError](err)
		names = append(names, fmt.Sprintf("%q", e.Cluster))
	}
	state := stateOf(f.errs[0])
	what := "in the state " + show.Word(state)
	switch state {
	case digitalocean.StateProvisioning, digitalocean.StateDeleted:
		what = state
	}
	hint := hintOf(f.errs[0])
	if state == digitalocean.StateProvisioning {
		hint = "with --wait, save waits until they have credentials"
	}
	return advise(credential.ClassOf(f.errs[0]),
		fmt.Errorf("%d clusters have no credentials, because they are %s: %s", len(names), what, someOf(names)), hint)
}
