package cmd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"
)

// cacheList is the command that lists what is cached.
type cacheList struct {
	*options

	output *output
}

func newCacheList(opts *options) *cobra.Command {
	l := &cacheList{options: opts}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the cached credentials",
		Long: `list prints what the cache holds, of whatever account, without the credentials. It needs no access
token and asks nobody. Where an access token can be found that is an entry's, by --token-file, in the
environment or in any context of doctl's, it says so, and makes sure that the entry opens. Of another
entry it tells what stands there in clear, which proves nothing.

The state is one of
  fresh             used as it is
  due-for-renewal   still valid; whatever uses it next renews it
  expired           of no more use; removed by the plugin sooner or later
  unusable          corrupt, another version's, or open to others: passed over and replaced`,
		Example: `  doks-auth cache list
  doks-auth cache list -o json | jq -r '.[] | select(.state == "expired") | .cluster_id'`,
		Args: usageArgs(cobra.NoArgs),
		RunE: opts.prints(func(ctx context.Context, _ []string) ([]byte, error) {
			cached, err := l.list(ctx)
			if err != nil {
				return nil, err
			}
			if len(cached) == 0 && l.output.format == formatTable {
				_, err = fmt.Fprintf(l.Stderr, "No credentials found in %q.\n", l.cachePath())
				return nil, err
			}
			return l.output.render(cached, func(w io.Writer) { cacheTable(w, cached, l.Now()) })
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	l.output = addOutputFlag(cmd, formatTable, formatJSON, formatYAML)
	return cmd
}

// list returns what the cache holds, in the order of the clusters. It isn't nil.
func (l *cacheList) list(ctx context.Context) ([]cachedCredential, error) {
	entries, err := l.entries()
	if err != nil {
		return nil, fmt.Errorf("listing the cache: %w", err)
	}
	inventory := newInventory(l.options)
	cached := []cachedCredential{}
	for _, e := range entries {
		if !e.Absent {
			cached = append(cached, inventory.describe(ctx, e))
		}
	}
	slices.SortStableFunc(cached, func(a, b cachedCredential) int {
		return cmp.Or(cmp.Compare(a.ClusterID, b.ClusterID), a.ExpiresAt.Compare(b.ExpiresAt))
	})
	return cached, nil
}

func cacheTable(w io.Writer, cached []cachedCredential, now time.Time) {
	row(w, "CLUSTER", "SERVER", "ACCESS TOKEN", "EXPIRES IN", "STATE")
	for _, c := range cached {
		expiresIn, state := "", c.State
		if left := c.ExpiresAt.Sub(now); left > 0 && c.State != stateUnusable {
			expiresIn = duration.HumanDuration(left)
		}
		if c.Reason != "" {
			state += ": " + c.Reason
		}
		row(w, c.ClusterID, c.Server, strings.Join(c.AccessTokenFrom, ", "), expiresIn, state)
	}
}
