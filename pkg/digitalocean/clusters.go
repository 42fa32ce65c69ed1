package digitalocean

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/show"
)

// Cluster is a cluster in the API
// (https://docs.digitalocean.com/reference/api/reference/kubernetes/#kubernetes_list_clusters).
type Cluster struct {
	ID       ClusterID `json:"id"`
	Name     string    `json:"name"`
	Region   string    `json:"region"`
	Version  string    `json:"version"`
	State    string    `json:"state"`    // such as "running" or "provisioning"
	Endpoint string    `json:"endpoint"` // its API server's URL; empty until it has one
	SSO      SSO       `json:"sso,omitzero"`
}

// clustersPerPage is the API's maximum.
const clustersPerPage = 200

// maxClusters and maxPages limit a list that never ends.
const (
	maxClusters = 10_000
	maxPages    = 100
)

// Clusters returns all clusters that the access token can see, in the API's order. Clusters that are created or
// deleted during the call may or may not be included. The access token needs the scope kubernetes:read.
//
// A page without new clusters ends the list. A list of more than 10,000 clusters
// or 100 pages is an error of class Unusable. Memory use depends only on the number of clusters.
func (c *Client) Clusters(ctx context.Context) ([]Cluster, error) {
	clusters, _, err := c.Survey(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing clusters: %w", err)
	}
	return clusters, nil
}

// Survey is Clusters, and Probe in the same calls.
func (c *Client) Survey(ctx context.Context) ([]Cluster, Probe, error) {
	var clusters []Cluster
	var probe Probe
	seen := make(map[ClusterID]bool)
	add := func(cluster Cluster) error {
		if seen[cluster.ID] { // listed twice if it moves to the next page between two calls
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
		more, probed, err := c.probe(ctx, page, clustersPerPage, add)
		if page == 1 {
			probe = probed
		}
		if err != nil {
			return nil, probe, err
		}
		if !more || len(clusters) == before {
			return clusters, probe, nil
		}
	}
	return nil, probe, c.unusable(errors.New("its pages don't end"), 0)
}

// probe gets a page of the list, and says how that went.
func (c *Client) probe(ctx context.Context, n, size int, add func(Cluster) error) (more bool, p Probe, err error) {
	asked := c.options.Now()
	more, header, err := c.page(ctx, n, size, add)
	now := c.options.Now()
	return more, Probe{Took: now.Sub(asked), ClockSkew: clockSkew(header, now)}, err
}

// page gets a page of the list and reports whether there are more.
func (c *Client) page(
	ctx context.Context, n, size int, add func(Cluster) error,
) (more bool, h http.Header, err error) {
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

// Probe is the result of [Client.Probe].
type Probe struct {
	Took time.Duration

	// ClockSkew is how far the local clock is ahead of the API's, at most 292 years; 0 if less than a minute.
	ClockSkew time.Duration
}

// Probe lists a single cluster to check whether the API answers. A refusal is an answer too: Probe then returns
// its result along with the error. It mints nothing.
func (c *Client) Probe(ctx context.Context) (Probe, error) {
	_, probe, err := c.probe(ctx, 1, 1, func(Cluster) error { return nil })
	return probe, err
}

// FindCluster returns the cluster with the given name. The error is a [*NameError], of class NotFound if there
// is none and of class Usage if there are several.
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

// NameError means that a name doesn't identify exactly one cluster.
type NameError struct {
	Name string
	IDs  []ClusterID // of the clusters with that name: none, or several
}

// Error returns a message that includes the name and the IDs.
func (e *NameError) Error() string {
	if len(e.IDs) == 0 {
		return "no cluster has the name " + show.Word(e.Name)
	}
	ids := make([]string, len(e.IDs))
	for i, id := range e.IDs {
		ids[i] = string(id)
	}
	return fmt.Sprintf("%d clusters have the name %s: %s",
		len(e.IDs), show.Word(e.Name), strings.Join(ids, ", "))
}

// clusterAnswer holds the used fields of the API's cluster. The state may be any text, since new ones appear.
type clusterAnswer struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Region   string `json:"region"`
	Version  string `json:"version"`
	Endpoint string `json:"endpoint"`
	Status   struct {
		State string `json:"state"`
	} `json:"status"`
	SSO json.RawMessage `json:"sso"`
}

func (a clusterAnswer) cluster() (Cluster, error) {
	id, err := ParseClusterID(a.ID)
	if err != nil {
		return Cluster{}, undecodable("it holds a cluster whose id is not a UUID")
	}
	c := Cluster{
		ID: id, Name: a.Name, Region: a.Region, Version: a.Version, State: a.Status.State, Endpoint: a.Endpoint,
	}
	// An odd value counts as none: it must not keep the clusters from being listed.
	_ = json.Unmarshal(a.SSO, &c.SSO)
	return c, cmp.Or(checkText("name", c.Name), checkText("region", c.Region), checkText("version", c.Version),
		checkText("state", c.State), checkText("endpoint", c.Endpoint),
		c.SSO.check())
}
