package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
)

// cacheClear is the command that removes cached credentials.
type cacheClear struct {
	*options

	fetch                        fetch // its lifetime
	expired, all, revoke, shared bool
}

func newCacheClear(opts *options) *cobra.Command {
	c := &cacheClear{options: opts}
	cmd := &cobra.Command{
		Use:        "clear {CLUSTER… | --expired | --all}",
		SuggestFor: []string{"rm", "remove", "delete", "prune"},
		Short:      "Remove cached credentials",
		Long: `clear removes the cached credentials of the given clusters, for all accounts; or those that are
expired or unusable; or all of them. Failures, which are remembered for a few seconds, go with them. It
reports what it removed. Without --revoke it revokes nothing: a token stays valid until it expires, and the
next client that needs a credential fetches a new one.

With --revoke, clear first revokes the tokens that haven't expired, at the authorization server of the
account that they were fetched for: a login's or a doctl session's own, else DigitalOcean's. A token that
the server doesn't revoke is kept, and the exit code is 3 if it refused, or 5 if it can't be reached. While a
token is being revoked, and if it isn't certain whether it was, no client gets it from the cache. Client
certificates and ID tokens can't be revoked, and are removed; a line says until when clusters accept them.
DigitalOcean documents revocation for access tokens only, not for the tokens of clusters.

With --shared, clear removes what the accounts that it finds have in the shared cache, for the clusters that
are named or, with --all, those in the kubeconfig and in the local cache. To find credentials that were
requested with a lifetime that isn't in either, add --expiry-seconds. It removes nothing from this machine.

A cluster is given by its id, even if it no longer exists, by the name of its context in the kubeconfig, as
'doks-auth cache list' shows it, or by its own name, which is looked up in the account. If another process
is fetching an entry, clear waits for it.`,
		Example: `  doks-auth cache clear 8d91899c-0739-4a1a-acc5-deadbeefbb8f
  doks-auth cache clear production staging
  doks-auth cache clear --expired
  doks-auth cache clear --all --revoke`,
		RunE: opts.prints(func(ctx context.Context, args []string) ([]byte, error) {
			if err := c.check(args); err != nil {
				return nil, err
			}
			clear := c.clear
			if c.shared {
				clear = c.clearShared
			}
			removed, err := clear(ctx, args)
			if removed == "" && err == nil {
				_, err = io.WriteString(c.Stderr, "Nothing to remove.\n")
			}
			return []byte(removed), err
		}),
		ValidArgsFunction: opts.completeCachedClusters,
	}
	flags := cmd.Flags()
	flags.BoolVar(&c.expired, "expired", false, "remove expired and unusable entries")
	flags.BoolVar(&c.all, "all", false, "remove everything")
	flags.BoolVar(&c.shared, "shared", false, "remove from the shared cache instead")
	c.fetch.addSharedExpiryFlag(flags)
	flags.BoolVar(&c.revoke, "revoke", false, revokeUsage)
	return cmd
}

const revokeUsage = "revoke cached tokens before they are removed, and keep those that can't be revoked"

// check returns an error unless the command line says in exactly one way what to remove.
func (c *cacheClear) check(args []string) error {
	ways := 0
	for _, given := range []bool{len(args) > 0, c.expired, c.all} {
		if given {
			ways++
		}
	}
	if c.shared && (c.expired || c.revoke) {
		return usageErrorf("--shared can't be combined with --expired or --revoke")
	}
	if err := c.fetch.checkShared(c.shared); err != nil {
		return err
	}
	if ways != 1 {
		return usageErrorf("choosing what to clear: exactly one of clusters, --expired and --all is required")
	}
	return nil
}

// clear removes the chosen entries, and returns a line for each credential that it removed.
func (c *cacheClear) clear(ctx context.Context, args []string) (string, error) {
	entries, err := c.entries()
	if err != nil {
		return "", fmt.Errorf("clearing the cache: %w", err)
	}
	chosen, err := c.chosen(ctx, args, entries)
	if err != nil {
		return "", err
	}
	inventory := newInventory(c.options)
	goes := func(e cachedir.Entry) bool {
		if c.expired {
			state := inventory.describe(ctx, e).State
			return !e.Absent && (state == stateExpired || state == stateUnusable)
		}
		return c.all || isOfAny(e, chosen)
	}
	if c.revoke {
		return inventory.revoke(ctx, entries, goes)
	}
	return inventory.remove(ctx, entries, goes)
}

// isOfAny reports whether an entry is a credential, or a remembered failure, of one of the clusters.
func isOfAny(e cachedir.Entry, ids []digitalocean.ClusterID) bool {
	return slices.Contains(ids, digitalocean.ClusterID(e.ClusterID)) ||
		slices.Contains(ids, digitalocean.ClusterID(e.FailureOf))
}

// remove removes the entries for which goes returns true, and returns a line for each credential that it
// removed.
func (i *inventory) remove(
	ctx context.Context, entries []cachedir.Entry, goes func(cachedir.Entry) bool,
) (string, error) {
	var removed strings.Builder
	var failures []error
	for _, e := range entries {
		if !goes(e) {
			continue
		}
		line := removedLine(i.describe(ctx, e)) + "\n"
		arrived := i.waiting("another process that is fetching a credential")
		gone, err := e.Remove(ctx, goes)
		arrived()
		switch {
		case err != nil:
			failures = append(failures, removalError(ctx, e, err))
		case gone && !e.Absent:
			removed.WriteString(line)
		case gone && e.FailureOf != "":
			removed.WriteString(failureLine(e.FailureOf) + "\n")
		}
	}
	return removed.String(), firstOf(failures)
}

// removeOwned removes the owners' entries, and writes a line for each credential that it removed.
func (i *inventory) removeOwned(ctx context.Context, out *strings.Builder) error {
	entries, err := i.entries()
	if err != nil {
		return nil // there is no cache
	}
	removed, err := i.remove(ctx, entries, i.isOwned)
	out.WriteString(removed)
	return err
}

// failureLine returns the line that reports a removed failure.
func failureLine(cluster string) string {
	return fmt.Sprintf("remembered failure for cluster %q removed", oneLine(cluster))
}

// chosen returns the clusters that the arguments name. Each must be in the cache.
func (c *cacheClear) chosen(
	ctx context.Context, args []string, entries []cachedir.Entry,
) ([]digitalocean.ClusterID, error) {
	ids, err := c.namedClusters(ctx, args)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		is := []digitalocean.ClusterID{id}
		if !slices.ContainsFunc(entries, func(e cachedir.Entry) bool { return isOfAny(e, is) }) {
			return nil, notCached(id)
		}
	}
	return ids, nil
}

// namedClusters returns the clusters that the arguments name.
func (c *cacheClear) namedClusters(ctx context.Context, args []string) ([]digitalocean.ClusterID, error) {
	config := c.knownConfig()
	names := make([]string, len(args))
	for i, name := range args {
		names[i] = cmp.Or(contextsCluster(config, name), name)
	}
	return c.clusterIDs(ctx, names)
}

func notCached(id digitalocean.ClusterID) error {
	return advise(credential.NotFound, fmt.Errorf("no credential is cached for cluster %q", id),
		"'doks-auth cache list' shows what is cached")
}

// removedLine returns the line that reports a removed credential.
func removedLine(c cachedCredential) string {
	line := fmt.Sprintf("credential for cluster %q removed", c.ClusterID)
	if c.ClusterID == "" {
		line = fmt.Sprintf("unusable entry %q removed", c.File)
	}
	switch from := strings.Join(c.AccessTokenFrom, ", "); {
	case strings.HasPrefix(from, ofSSO):
		line += " (" + from + ")"
	case from != "":
		line += " (access token from " + from + ")"
	}
	return line
}

func removalError(ctx context.Context, e cachedir.Entry, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		err = advise(credential.Unreachable, errors.New("timed out waiting for another process that is fetching it"),
			"try again, or use a longer --timeout")
	}
	what := fmt.Sprintf("the credential for cluster %q", oneLine(e.ClusterID))
	if e.ClusterID == "" {
		what = fmt.Sprintf("the files of %q", e.Name)
	}
	return fmt.Errorf("removing %s: %w", what, err)
}

// firstOf returns an error with the first failure and the number of others, or nil.
func firstOf(failures []error) error {
	switch len(failures) {
	case 0:
		return nil
	case 1:
		return failures[0]
	default:
		return fmt.Errorf("%w (and %d more)", failures[0], len(failures)-1)
	}
}
