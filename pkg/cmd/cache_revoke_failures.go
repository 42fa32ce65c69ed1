package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// clearingError is an error with the cluster that a credential is for.
func clearingError(e cachedir.Entry, err error) error {
	return fmt.Errorf("clearing the credential for cluster %q: %w", oneLine(e.ClusterID), err)
}

// keptError adds to an error what became of an entry whose token wasn't revoked, or may not be.
func keptError(e cachedir.Entry, err error) error {
	command := "doks-auth cache clear --revoke " + shellword.Quote(e.ClusterID, "CLUSTER")
	again := shellword.Command(command) + " tries again"
	class := credential.ClassOf(err)
	_, isAnswer := errors.AsType[*oauth.Error](err)
	hint := ""
	switch {
	case oauth.Lost(err), e.Aside && class == credential.Unreachable:
		hint = "it may have been revoked: it is kept, but no longer used; " + again
	case isAnswer && e.Aside:
		hint = "an earlier run may have revoked it: it is kept, but no longer used; " +
			"'doks-auth cache clear' without --revoke only removes it"
	case isAnswer && class == credential.Refused:
		hint = "it is kept, and still valid; 'doks-auth cache clear' without --revoke only removes it"
	case class == credential.Unreachable:
		hint = "it is kept, and still valid; " + again
	default:
		return err
	}
	return advise(class, err, hint)
}

// notRevoked returns one error for those of several entries, or nil, and prints each if there are several. left is the
// number of entries that an interrupted run didn't come to.
func (i *inventory) notRevoked(failures []error, left int) error {
	isCanceled := func(err error) bool { return errors.Is(err, context.Canceled) }
	interrupted := left > 0 || slices.ContainsFunc(failures, isCanceled)
	if len(failures) > 1 || interrupted {
		for _, err := range failures {
			fmt.Fprintf(i.Stderr, "not revoked: %s\n", oneLine(err.Error()))
		}
	}
	switch {
	case interrupted:
		return &interruptedError{
			fmt.Sprintf("credentials that are left in the cache: %d", len(failures)+left),
			"'doks-auth cache clear --all --revoke' revokes all that are cached",
		}
	case len(failures) > 1:
		return advise(credential.ClassOf(failures[0]),
			fmt.Errorf("%d tokens weren't revoked: see above", len(failures)), hintOf(failures[0]))
	}
	return firstOf(failures)
}
