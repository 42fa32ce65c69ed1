package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/picker"
)

// ask has the user choose among the account's clusters.
func (s *kubeconfigSave) ask(
	ctx context.Context, clusters []digitalocean.Cluster,
) ([]digitalocean.Cluster, error) {
	terminal, err := s.OpenTerminal()
	if err != nil {
		return nil, fmt.Errorf("asking which clusters to save: %w", err)
	}
	lines := s.choices(ctx, clusters)
	chosen, err := picker.Choose(ctx, terminal, picker.List{
		Title: "Which clusters should be saved? Type to filter.", Header: lines[0], Items: lines[1:],
	})
	if errors.Is(err, picker.ErrCanceled) || errors.Is(err, context.Canceled) {
		return nil, &interruptedError{left: picker.ErrCanceled.Error()}
	}
	if err != nil {
		return nil, err
	}
	if s.alias != "" && len(chosen) > 1 {
		return nil, usageErrorf("--alias can be used with only one cluster")
	}
	found := make([]digitalocean.Cluster, len(chosen))
	for i, at := range chosen {
		found[i] = clusters[at]
	}
	return found, nil
}

// choices returns the header and the lines of a table of clusters, with the contexts that each has.
func (s *kubeconfigSave) choices(ctx context.Context, clusters []digitalocean.Cluster) []string {
	config, err := s.files.read(ctx, s.options)
	if err != nil {
		config = new(kubeconfig.Config) // saving will report it
	}
	var out bytes.Buffer
	aligned := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	row(aligned, "NAME", "REGION", "STATE", "SAVED AS")
	for _, c := range clusters {
		row(aligned, c.Name, c.Region, c.State, strings.Join(config.ContextsOf(string(c.ID)), ","))
	}
	aligned.Flush() // a Buffer doesn't fail
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}
