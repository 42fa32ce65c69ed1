package cmd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
)

// cacheList is the command that lists cached credentials.
type cacheList struct {
	*options

	fetch  fetch // its lifetime
	output *output
	shared bool
}

func newCacheList(opts *options) *cobra.Command {
	l := &cacheList{options: opts}
	cmd := &cobra.Command{
		Use:        "list",
		SuggestFor: []string{"get"},
		Aliases:    []string{"ls"},
		Short:      "List the cached credentials",
		Long: `list prints the cache's entries, for all accounts, without the credentials. It needs no access token and
makes no network calls. A cluster has the name of its context in the kubeconfig, or else its id. If list
finds the account that an entry belongs to, by --token-file, the environment, the logins or doctl's
contexts, it shows where, and verifies that the entry can be decrypted. For other entries it shows their
clear-text header, which anybody could have written.

With --shared it lists what the accounts that it finds have in the shared cache, for the clusters in the
kubeconfig and in the local cache. Nothing else there can be read. To find credentials that were requested
with a lifetime that isn't in either, add --expiry-seconds.

To fit the terminal, or 80 columns without one, a table may shorten where an access token comes from.
'-o wide' shortens nothing, and adds the id and the server.

The state is one of
  fresh             used as is
  due-for-renewal   still valid; renewed by the next use
  expired           no longer used; removed sooner or later
  revoking          no longer used: it may be revoked, but the answer was lost;
                    'doks-auth cache clear --revoke CLUSTER' tries again
  unusable          corrupt, from another version, or accessible to others;
                    ignored and replaced`,
		Example: `  doks-auth cache list
  doks-auth cache list -o wide
  doks-auth cache list -o json | jq -r '.[] | select(.state == "expired") | .cluster_id'`,
		Args: usageArgs(noArgs),
		RunE: opts.prints(func(ctx context.Context, _ []string) ([]byte, error) {
			list := l.list
			if l.shared {
				list = l.listShared
			}
			if err := l.fetch.checkShared(l.shared); err != nil {
				return nil, err
			}
			cached, err := list(ctx)
			if err != nil {
				return nil, err
			}
			if len(cached) == 0 && l.output.isTable() && !l.shared {
				_, err = fmt.Fprintf(l.Stderr, "No credentials found in %q.\n", l.cachePath())
				return nil, err
			}
			return l.output.render(cached, func(w io.Writer) { l.write(w, cached) })
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&l.shared, "shared", false, "list the shared cache instead")
	l.fetch.addSharedExpiryFlag(cmd.Flags())
	l.output = opts.addListFlags(cmd, formatTable, formatWide, formatJSON, formatYAML, formatJSONPath)
	return cmd
}

// list returns the cache's entries, ordered by cluster. The result isn't nil.
func (l *cacheList) list(ctx context.Context) ([]cachedCredential, error) {
	entries, err := l.entries()
	if err != nil {
		return nil, fmt.Errorf("listing the cache: %w", err)
	}
	inventory, config := newInventory(l.options), l.knownConfig()
	cached := []cachedCredential{}
	for _, e := range entries {
		if e.Absent {
			continue
		}
		described := inventory.describe(ctx, e)
		if id, err := digitalocean.ParseClusterID(e.ClusterID); err == nil {
			described.Contexts = append(described.Contexts, config.ContextsOf(string(id))...)
		}
		cached = append(cached, described)
	}
	slices.SortStableFunc(cached, func(a, b cachedCredential) int {
		return cmp.Or(cmp.Compare(a.ClusterID, b.ClusterID), a.ExpiresAt.Compare(b.ExpiresAt))
	})
	return cached, nil
}

// write writes the credentials as a table.
func (l *cacheList) write(w io.Writer, cached []cachedCredential) {
	t := table{
		header:   []string{"NAME", "ACCESS TOKEN", "EXPIRES IN", "STATE"},
		shortens: []int{1},
		least:    map[int]int{1: 12},
	}
	if l.output.format == formatWide {
		t.header = append(t.header, "ID", "SERVER")
	}
	for _, c := range cached {
		name, expiresIn, state := strings.Join(c.Contexts, ","), "", c.State
		if name == "" {
			name = c.ClusterID
		}
		if left := c.ExpiresAt.Sub(l.Now()); left > 0 && c.State != stateUnusable {
			expiresIn = duration.HumanDuration(left)
		}
		if c.Reason != "" {
			state += ": " + c.Reason
		}
		cells := []string{name, strings.Join(c.AccessTokenFrom, ", "), expiresIn, state}
		if l.output.format == formatWide {
			cells = append(cells, c.ClusterID, c.Server)
		}
		t.rows = append(t.rows, cells)
	}
	l.output.write(w, t)
}
