package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/digitalocean/godo"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// Cluster is what the API tells of a cluster
// (https://docs.digitalocean.com/reference/api/reference/kubernetes/#kubernetes_list_clusters).
type Cluster struct {
	ID       ClusterID `json:"id"`
	Name     string    `json:"name"`
	Region   string    `json:"region"`
	Version  string    `json:"version"`
	State    string    `json:"state"`    // such as "running" or "provisioning"
	Endpoint string    `json:"endpoint"` // its API server's URL; empty before it has one
}

// clustersPerPage is the most that the API gives.
const clustersPerPage = 200

// maxPages bounds a list whose pages don't end.
const maxPages = 1000

// Clusters returns all clusters that the access token can see, in the API's order. Clusters that come or go
// meanwhile may be missed or listed. The access token needs the scope kubernetes:read.
func (c *Client) Clusters(ctx context.Context) ([]Cluster, error) {
	var clusters []Cluster
	seen := make(map[ClusterID]bool)
	for page := 1; page <= maxPages; page++ {
		asked := c.now()
		answer, response, err := c.api.Kubernetes.List(ctx, &godo.ListOptions{Page: page, PerPage: clustersPerPage})
		if err != nil {
			return nil, fmt.Errorf("listing clusters: %w", c.failure(ctx, err, c.now().Sub(asked), scopeClusters))
		}
		for _, cluster := range answer {
			got, err := newCluster(cluster)
			if err != nil {
				return nil, fmt.Errorf("listing clusters: %w", c.unusable(err, 0))
			}
			if !seen[got.ID] { // one that moved to the next page meanwhile is listed twice
				seen[got.ID] = true
				clusters = append(clusters, got)
			}
		}
		if response.Links == nil || response.Links.IsLastPage() {
			return clusters, nil
		}
	}
	return nil, fmt.Errorf("listing clusters: %w", c.unusable(errors.New("its pages don't end"), 0))
}

// Cluster returns one cluster. The access token needs the scope kubernetes:read.
func (c *Client) Cluster(ctx context.Context, id ClusterID) (Cluster, error) {
	asked := c.now()
	answer, _, err := c.api.Kubernetes.Get(ctx, string(id))
	if err != nil {
		return Cluster{}, fmt.Errorf("looking up cluster %q: %w", id, c.failure(ctx, err, c.now().Sub(asked), scopeClusters))
	}
	cluster, err := newCluster(answer)
	if err != nil {
		return Cluster{}, fmt.Errorf("looking up cluster %q: %w", id, c.unusable(err, 0))
	}
	return cluster, nil
}

// Probe is how the API answered.
type Probe struct {
	Took      time.Duration
	ClockSkew time.Duration // by how much the local clock is ahead of the API's; 0 below a minute
}

// Probe asks the API for a cluster, to see whether it answers. A refusal is an answer: Probe tells of it
// beside the error. Nothing is minted.
func (c *Client) Probe(ctx context.Context) (Probe, error) {
	asked := c.now()
	_, response, err := c.api.Kubernetes.List(ctx, &godo.ListOptions{PerPage: 1})
	probe := Probe{Took: c.now().Sub(asked)}
	if response != nil && response.Response != nil {
		probe.ClockSkew = clockSkew(response.Header, c.now())
	}
	if err != nil {
		return probe, c.failure(ctx, err, probe.Took, scopeClusters)
	}
	return probe, nil
}

// FindCluster returns the cluster of that name among clusters. An error is of class NotFound when there
// is none, and of class Usage, with their ids, when there are several.
func FindCluster(clusters []Cluster, name string) (Cluster, error) {
	var found []Cluster
	for _, cluster := range clusters {
		if cluster.Name == name {
			found = append(found, cluster)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Cluster{}, &credential.Error{
			Class: credential.NotFound,
			Err:   fmt.Errorf("no cluster has the name %q", name),
			Hint:  "'doks-auth cluster list' shows the clusters that the access token can see",
		}
	}
	ids := make([]string, len(found))
	for i, cluster := range found {
		ids[i] = string(cluster.ID)
	}
	return Cluster{}, &credential.Error{
		Class: credential.Usage,
		Err:   fmt.Errorf("%d clusters have the name %q: %s", len(found), name, strings.Join(ids, ", ")),
		Hint:  "name the one that is meant by its id",
	}
}

func newCluster(answer *godo.KubernetesCluster) (Cluster, error) {
	if answer == nil {
		return Cluster{}, errors.New("it holds no cluster")
	}
	id, err := ParseClusterID(answer.ID)
	if err != nil {
		return Cluster{}, err
	}
	cluster := Cluster{
		ID: id, Name: answer.Name, Region: answer.RegionSlug, Version: answer.VersionSlug, Endpoint: answer.Endpoint,
	}
	if answer.Status != nil {
		cluster.State = string(answer.Status.State)
	}
	return cluster, nil
}
