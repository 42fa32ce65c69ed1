package digitaloceantest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

func TestLinks(t *testing.T) {
	w := newWorld(t, func(w *world) {
		for i := range 4 { // and one that is there already
			cluster, err := digitaloceantest.NewCluster(fmt.Sprintf("00000000-0000-4000-8000-%012x", i))
			if err != nil {
				w.t.Fatal(err)
			}
			w.api.AddCluster(cluster)
		}
	})
	tests := map[string]map[string]string{
		"page=1&per_page=2": {"next": "page=2&per_page=2", "last": "page=3&per_page=2"},
		"page=2&per_page=2": {
			"first": "page=1&per_page=2", "prev": "page=1&per_page=2",
			"next": "page=3&per_page=2", "last": "page=3&per_page=2",
		},
		"page=3&per_page=2": {"first": "page=1&per_page=2", "prev": "page=2&per_page=2"},
		"page=9&per_page=2": {"first": "page=1&per_page=2", "prev": "page=3&per_page=2"},
		"page=1&per_page=5": {},
	}
	for query, want := range tests {
		_, answer := w.get("/v2/kubernetes/clusters?"+query, staticToken)
		links, _ := answer["links"].(map[string]any)
		pages, _ := links["pages"].(map[string]any)
		got := map[string]string{}
		for name, link := range pages {
			got[name], _ = strings.CutPrefix(fmt.Sprint(link), w.apiURL+"/v2/kubernetes/clusters?")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: links (-want +got):\n%s", query, diff)
		}
	}
}
