package digitalocean_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

func TestClustersOnSeveralPages(t *testing.T) {
	api, template, client := newAPI(t, nil)
	want := []string{string(clusterID)}
	for i := range 449 {
		id := fmt.Sprintf("00000000-0000-4000-8000-%012x", i)
		api.AddCluster(&digitaloceantest.Cluster{
			ID: id, Name: fmt.Sprintf("Cluster.%d", i), Region: "nyc1", State: "running", Server: template.Server,
		})
		want = append(want, id)
	}
	calls := api.Calls()
	clusters, err := client.Clusters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, cluster := range clusters {
		got = append(got, string(cluster.ID))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
	if calls := api.Calls() - calls; calls != 3 {
		t.Errorf("got %d calls for 450 clusters, want 3", calls)
	}
}

func TestCluster(t *testing.T) {
	api, cluster, client := newAPI(t, nil)
	got, err := client.Cluster(t.Context(), clusterID)
	want := digitalocean.Cluster{
		ID: clusterID, Name: cluster.Name, Region: "fra1", Version: "1.37.1-do.0", State: "running",
		Endpoint: cluster.Server,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("got error %v, want none (-want +got):\n%s", err, diff)
	}
	_, err = client.Cluster(t.Context(), "00000000-0000-4000-8000-000000000000")
	if credential.ClassOf(err) != credential.NotFound {
		t.Errorf("an unknown cluster: got error %v, want one of class %q", err, credential.NotFound)
	}
	api.SetScopes(accessToken, digitaloceantest.ScopeCredentials)
	_, err = client.Cluster(t.Context(), clusterID)
	e, ok := errors.AsType[*digitalocean.APIError](err)
	if credential.ClassOf(err) != credential.Refused || !ok || e.Scope != "kubernetes:read" {
		t.Errorf("without the scope: got error %v, want one of class %q with the scope", err, credential.Refused)
	}
	if _, err := client.Clusters(t.Context()); credential.ClassOf(err) != credential.Refused {
		t.Errorf("without the scope: got error %v, want one of class %q", err, credential.Refused)
	}
	if mints := api.Mints(string(clusterID)); mints != 0 {
		t.Errorf("got %d mints, want none", mints)
	}
}

func TestFindCluster(t *testing.T) {
	clusters := []digitalocean.Cluster{{ID: "1", Name: "a"}, {ID: "2", Name: "B.c"}, {ID: "3", Name: "a"}}
	tests := map[string]struct {
		name  string
		want  digitalocean.ClusterID
		class credential.Class
		says  string
	}{
		"one":     {"B.c", "2", "", ""},
		"none":    {"b.c", "", credential.NotFound, `"b.c"`},
		"no name": {"", "", credential.NotFound, `""`},
		"several": {"a", "", credential.Usage, "1, 3"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := digitalocean.FindCluster(clusters, test.name)
			says := err == nil || strings.Contains(err.Error(), test.says)
			if got.ID != test.want || credential.ClassOf(err) != test.class || !says {
				t.Errorf("got %q, %v; want %q, error %q of class %q", got.ID, err, test.want, test.says, test.class)
			}
		})
	}
}
