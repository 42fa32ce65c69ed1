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
	if id, err := digitalocean.ParseClusterID(arg); err == nil {
		return id, nil
	}
	token, err := o.accessToken()
	if err != nil {
		return "", fmt.Errorf("looking up the cluster of the name %q: %w", arg, err)
	}
	clusters, err := o.clusters(ctx, token)
	if err != nil {
		return "", fmt.Errorf("looking up the cluster of the name %q: %w", arg, err)
	}
	cluster, err := digitalocean.FindCluster(clusters, arg)
	return cluster.ID, withSource(err, token)
}
