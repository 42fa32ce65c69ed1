package cmd

import (
	"context"
	"fmt"

	"github.com/doks-auth/doks-auth/pkg/digitalocean"
)

// clusters returns the clusters that the access token can see.
func (o *options) clusters(ctx context.Context, token digitalocean.AccessToken) ([]digitalocean.Cluster, error) {
	client, err := o.client(token)
	if err != nil {
		return nil, err
	}
	clusters, err := client.Clusters(ctx)
	return clusters, withSource(err, token)
}

// resolve returns the id of the cluster that an argument names, by its id or its name. Only for a
// name the API is asked.
func (o *options) resolve(ctx context.Context, arg string) (digitalocean.ClusterID, error) {
	ids, err := o.resolveAll(ctx, []string{arg})
	if err != nil {
		return "", err
	}
	return ids[0], nil
}

// resolveAll resolves several arguments; the API is asked once for all names.
func (o *options) resolveAll(ctx context.Context, args []string) ([]digitalocean.ClusterID, error) {
	ids := make([]digitalocean.ClusterID, len(args))
	var token digitalocean.AccessToken
	var clusters []digitalocean.Cluster
	for i, arg := range args {
		id, err := digitalocean.ParseClusterID(arg)
		if err == nil {
			ids[i] = id
			continue
		}
		if clusters == nil {
			if token, err = o.accessToken(); err == nil {
				clusters, err = o.clusters(ctx, token)
			}
			if err != nil {
				return nil, fmt.Errorf("looking up the cluster of the name %q: %w", arg, err)
			}
		}
		cluster, err := digitalocean.FindCluster(clusters, arg)
		if err != nil {
			return nil, withSource(err, token)
		}
		ids[i] = cluster.ID
	}
	return ids, nil
}
