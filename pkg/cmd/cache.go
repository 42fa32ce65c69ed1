package cmd

import "github.com/spf13/cobra"

// newCache returns the commands about the cache.
func newCache(opts *options) *cobra.Command {
	return newGroup("cache", "List and clear cached credentials", newCacheList(opts), newCacheClear(opts))
}
