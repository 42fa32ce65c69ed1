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

// cacheList is the command that lists cached credentials.
type cacheList struct {
	*options

	output *output
}

func newCacheList(opts *options) *cobra.Command {
	l := &cacheList{options: opts}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the cached credentials",
		Long: `list prints the cache's entries, for all accounts, without the credentials. It needs no access token
and makes no network calls. If it finds the account that an entry belongs to, by --token-file, the
environment, the logins or doctl's contexts, it shows where, and verifies that the entry can be decrypted.
For other entries it shows their clear-text header, which anybody could have written.

The state is one of
  fresh             used as is
  due-for-renewal   still valid; renewed by the next use
  expired           no longer used; removed sooner or later
  unusable          corrupt, from another version, or accessible to others; ignored and replaced`,
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

// list returns the cache's entries, ordered by cluster. The result isn't nil.
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
