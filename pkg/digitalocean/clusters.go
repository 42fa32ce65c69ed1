package digitalocean

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

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

// maxClusters and maxPages bound a list that doesn't end.
const (
	maxClusters = 10_000
	maxPages    = 100
)

// Clusters returns all clusters that the access token can see, in the API's order. Clusters that come or go
// meanwhile may be missed or listed. The access token needs the scope kubernetes:read.
//
// A page without a cluster that wasn't listed before is the last one. A list of more than 10,000 clusters,
// or 100 pages, is an error of class Unusable. The memory it takes depends on the number of clusters alone.
func (c *Client) Clusters(ctx context.Context) ([]Cluster, error) {
	var clusters []Cluster
	seen := make(map[ClusterID]bool)
	add := func(cluster Cluster) error {
		if seen[cluster.ID] { // one that moved to the next page meanwhile is listed twice
			return nil
		}
		if len(clusters) == maxClusters {
			return undecodable("it lists more than %d clusters", maxClusters)
		}
		seen[cluster.ID] = true
		clusters = append(clusters, cluster)
		return nil
	}
	for page := 1; page <= maxPages; page++ {
		before := len(clusters)
		more, _, err := c.page(ctx, page, clustersPerPage, add)
		if err != nil {
			return nil, fmt.Errorf("listing clusters: %w", err)
		}
		if !more || len(clusters) == before {
			return clusters, nil
		}
	}
	return nil, fmt.Errorf("listing clusters: %w", c.unusable(errors.New("its pages don't end"), 0))
}

// page asks for a page of the list, and tells whether there is another one.
func (c *Client) page(ctx context.Context, n, size int, add func(Cluster) error) (more bool, h http.Header, err error) {
	path := fmt.Sprintf("%s?page=%d&per_page=%d", clustersPath, n, size)
	h, err = c.get(ctx, path, scopeClusters, func(body io.Reader) (err error) {
		more, err = decodePage(body, add)
		return err
	})
	return more, h, err
}

// Cluster returns one cluster. The access token needs the scope kubernetes:read.
func (c *Client) Cluster(ctx context.Context, id ClusterID) (Cluster, error) {
	var cluster Cluster
	_, err := c.get(ctx, clustersPath+"/"+string(id), scopeClusters, func(body io.Reader) error {
		var answer struct {
			Cluster *clusterAnswer `json:"kubernetes_cluster"`
		}
		err := decodeOne(body, &answer)
		switch {
		case err != nil:
		case answer.Cluster == nil:
			err = undecodable("it holds no cluster")
		default:
			cluster, err = answer.Cluster.cluster()
		}
		return err
	})
	if err != nil {
		return Cluster{}, fmt.Errorf("looking up cluster %q: %w", id, err)
	}
	return cluster, nil
}

// Probe is how the API answered.
type Probe struct {
	Took time.Duration

	// ClockSkew is by how much the local clock is ahead of the API's, 292 years at most; 0 below a minute.
	ClockSkew time.Duration
}

// Probe asks the API for a cluster, to see whether it answers. A refusal is an answer: Probe tells of it
// beside the error. Nothing is minted.
func (c *Client) Probe(ctx context.Context) (Probe, error) {
	asked := c.now()
	_, header, err := c.page(ctx, 1, 1, func(Cluster) error { return nil })
	now := c.now()
	return Probe{Took: now.Sub(asked), ClockSkew: clockSkew(header, now)}, err
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
		return Cluster{}, &credential.Error{Class: credential.NotFound, Err: &NameError{Name: name}}
	}
	ambiguous := &NameError{Name: name}
	for _, cluster := range found {
		ambiguous.IDs = append(ambiguous.IDs, cluster.ID)
	}
	return Cluster{}, &credential.Error{Class: credential.Usage, Err: ambiguous}
}

// NameError says that a name isn't one cluster's.
type NameError struct {
	Name string
	IDs  []ClusterID // of the clusters that have it: none, or several
}

// Error names them.
func (e *NameError) Error() string {
	if len(e.IDs) == 0 {
		return "no cluster has the name " + credential.ShowWord(e.Name)
	}
	ids := make([]string, len(e.IDs))
	for i, id := range e.IDs {
		ids[i] = string(id)
	}
	return fmt.Sprintf("%d clusters have the name %s: %s", len(e.IDs), credential.ShowWord(e.Name), strings.Join(ids, ", "))
}

// clusterAnswer is what is used of the API's cluster. The state is any text: new ones come up.
type clusterAnswer struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Region   string `json:"region"`
	Version  string `json:"version"`
	Endpoint string `json:"endpoint"`
	Status   struct {
		State string `json:"state"`
	} `json:"status"`
}

func (a clusterAnswer) cluster() (Cluster, error) {
	id, err := ParseClusterID(a.ID)
	if err != nil {
		return Cluster{}, undecodable("it holds a cluster whose id is not a UUID")
	}
	c := Cluster{ID: id, Name: a.Name, Region: a.Region, Version: a.Version, State: a.Status.State, Endpoint: a.Endpoint}
	return c, cmp.Or(checkText("name", c.Name), checkText("region", c.Region), checkText("version", c.Version),
		checkText("state", c.State), checkText("endpoint", c.Endpoint))
}
