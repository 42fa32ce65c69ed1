package cmd

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// completionBudget bounds how long a completion may take, because the user is waiting for it.
const completionBudget = 2 * time.Second

// completeCluster completes an argument that names one cluster.
func (o *options) completeCluster(
	cmd *cobra.Command, args []string, typed string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return o.completeClusters(cmd, args, typed)
}

// completeClusters completes arguments that name clusters. It offers the names in the account, and the ids of
// clusters whose name isn't unique, or all ids after the user has typed something. It also offers the ids of
// cached clusters that the account doesn't list. Errors are ignored.
func (o *options) completeClusters(
	cmd *cobra.Command, args []string, typed string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	return o.complete(cmd, args, typed, func(ctx context.Context, o *options) []choice {
		var clusters []digitalocean.Cluster
		if account, err := o.account(); err == nil {
			clusters, _ = account.clusters(ctx)
		}
		named := make(map[string]int)
		for _, c := range clusters {
			named[c.Name]++
		}
		listed := make(map[string]bool)
		var choices []choice
		for _, c := range clusters {
			listed[string(c.ID)] = true
			if named[c.Name] == 1 {
				choices = append(choices, choice{c.Name, string(c.ID)})
			}
			if named[c.Name] > 1 || typed != "" {
				choices = append(choices, choice{string(c.ID), c.Name})
			}
		}
		for _, id := range o.cachedIDs() {
			if !listed[id] {
				choices = append(choices, choice{id, "cached"})
			}
		}
		return choices
	})
}

// completeContext completes an argument with the kubeconfig's contexts, or, if none begins with what was typed, with
// the clusters of the account.
func (k *kubeconfigFiles) completeContext(o *options) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found, directive := o.complete(cmd, args, typed, func(context.Context, *options) []choice {
			config, err := kubeconfig.Read(k.paths(o))
			if err != nil {
				return nil
			}
			return words(contextNames(config))
		})
		if len(found) > 0 {
			return found, directive
		}
		return o.completeCluster(cmd, args, typed)
	}
}

// completeCachedClusters completes arguments with the cached clusters, for all accounts: by the names of their
// contexts, or else by their ids.
func (o *options) completeCachedClusters(
	cmd *cobra.Command, args []string, typed string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	return o.complete(cmd, args, typed, func(_ context.Context, o *options) []choice {
		config := o.knownConfig()
		var choices []choice
		for _, id := range o.cachedIDs() {
			contexts := config.ContextsOf(id)
			for _, name := range contexts {
				choices = append(choices, choice{name, id})
			}
			if len(contexts) == 0 || typed != "" {
				choices = append(choices, choice{id, strings.Join(contexts, ", ")})
			}
		}
		return choices
	})
}

// completeLogins completes the name of a login, in a flag.
func (o *options) completeLogins(
	cmd *cobra.Command, _ []string, typed string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	return o.complete(cmd, nil, typed, func(_ context.Context, o *options) []choice {
		return words(o.sources().Logins())
	})
}

// completeContexts completes --context.
func (o *options) completeContexts(
	cmd *cobra.Command, _ []string, typed string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	return o.complete(cmd, nil, typed, func(_ context.Context, o *options) []choice {
		return words(o.sources().Contexts())
	})
}

// choice is a possible completion, and the description to show with it.
type choice struct{ word, description string }

func words(texts []string) []choice {
	choices := make([]choice, len(texts))
	for i, text := range texts {
		choices[i].word = text
	}
	return choices
}

// complete returns the choices that begin with what was typed and aren't arguments already, or none if they
// take too long. It logs nothing, even with -v.
//
// It offers only words without a special meaning to a shell. Names come from kubeconfigs and the API, and bash
// inserts their common prefix unquoted, and evaluates it when the user presses the next key.
func (o *options) complete(
	cmd *cobra.Command, args []string, typed string, choices func(context.Context, *options) []choice,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	brief := *o
	brief.timeout, brief.verbose = completionBudget, false
	found, _ := bounded(cmd.Context(), &brief, func(ctx context.Context) ([]choice, error) {
		return choices(ctx, &brief), nil
	})
	var completions []cobra.Completion
	for _, c := range found {
		if shellword.IsPlain(c.word) && strings.HasPrefix(c.word, typed) && !slices.Contains(args, c.word) {
			completions = append(completions, cobra.CompletionWithDesc(c.word, oneLine(c.description)))
		}
	}
	return completions, cobra.ShellCompDirectiveNoFileComp
}

// cachedIDs returns the ids of the clusters with entries in the cache.
func (o *options) cachedIDs() []string {
	entries, err := o.entries()
	if err != nil {
		return nil
	}
	var ids []string
	for _, e := range entries {
		if id, err := digitalocean.ParseClusterID(e.ClusterID); err == nil && !slices.Contains(ids, string(id)) {
			ids = append(ids, string(id))
		}
	}
	slices.Sort(ids)
	return ids
}
