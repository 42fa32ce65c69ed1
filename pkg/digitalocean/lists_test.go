package digitalocean_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// maxMemory is how much memory a list with at most a few clusters may use, in bytes. Without limits, these lists
// use 300 MB to 8 GB.
const maxMemory = 100 << 20

// Lists from a hostile API, or a newer one, end soon and use little memory. As answers for a single cluster, the
// same faults have the same class.
func TestOddLists(t *testing.T) {
	tests := map[string]struct {
		says     string // in an error of class Unusable; "": no error
		clusters int
		calls    int
	}{ // by fault
		"null":          {"it is not a JSON object", 0, 1},
		"empty":         {"it holds no list of clusters", 0, 1},
		"no-body":       {"it is truncated", 0, 1},
		"html":          {"it is not JSON", 0, 1},
		"truncated":     {"it is truncated", 0, 1},
		"trailing":      {"it is not JSON", 0, 1},
		"deep":          {"it is not JSON", 0, 1},
		"deep-unused":   {"it is not JSON", 0, 1},
		"list-string":   {`its field "kubernetes_clusters" is of the wrong type`, 0, 1},
		"links-number":  {`its field "links" is of the wrong type`, 0, 1},
		"null-list":     {"", 0, 1},
		"endless":       {"", 1, 2},
		"endless-empty": {"", 0, 1},
		"endless-new":   {"its pages don't end", 0, 100},
		"empty-objects": {"it holds a cluster whose id is not a UUID", 0, 1},
		"nulls":         {"it holds a cluster whose id is not a UUID", 0, 1},
		"numbers":       {`its field "kubernetes_clusters" is of the wrong type`, 0, 1},
		"same":          {"", 1, 1},
		"node-pools":    {"", 1, 1},
		"huge-cluster":  {"it is too large", 0, 1},
		"huge-name":     {`its field "name" is too long`, 0, 1},
		"huge-spaces":   {"it is too large", 0, 1},
		"hibernating":   {"", 1, 1},
		"null-status":   {"", 1, 1},
		"state-number":  {`its field "kubernetes_clusters.status.state" is of the wrong type`, 0, 1},
		"name-number":   {`its field "kubernetes_clusters.name" is of the wrong type`, 0, 1},
		"name-escapes":  {"", 1, 1},
		"no-uuid":       {"it holds a cluster whose id is not a UUID", 0, 1},
		"unused-fields": {"", 1, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			memory := &watched{base: http.DefaultTransport}
			api, _, client := newAPI(t, func(o *digitalocean.Options) { o.Transport = memory })
			api.SetClustersFault(digitaloceantest.NamedOfClusters()[name])
			memory.start()
			got, err := client.Clusters(t.Context())
			if test.says != "" {
				checkUnusable(t, err, test.says)
			} else if err != nil || len(got) != test.clusters {
				t.Errorf("got %d clusters, %v; want %d", len(got), err, test.clusters)
			}
			if calls := api.Calls(); calls != test.calls {
				t.Errorf("got %d calls, want %d", calls, test.calls)
			}
			if memory.most > maxMemory {
				t.Errorf("got %d MB in use, want at most %d", memory.most>>20, maxMemory>>20)
			}
			if _, err := client.Cluster(t.Context(), clusterID); err != nil {
				checkUnusable(t, err, "can't be used")
			}
		})
	}
}

func TestUnknownStateIsShown(t *testing.T) {
	api, _, client := newAPI(t, nil)
	api.SetClustersFault(digitaloceantest.NamedOfClusters()["hibernating"])
	list, err := client.Clusters(t.Context())
	if err != nil || len(list) != 1 || list[0].State != "hibernating" {
		t.Errorf("the list: got %+v, %v; want one cluster with state %q", list, err, "hibernating")
	}
	one, err := client.Cluster(t.Context(), clusterID)
	if err != nil || one.State != "hibernating" {
		t.Errorf("one: got %+v, %v; want state %q", one, err, "hibernating")
	}
	if _, err := client.Probe(t.Context()); err != nil {
		t.Errorf("the probe: got error %v, want none", err)
	}
}

// Listing mints nothing, so it is retried.
func TestListIsRepeated(t *testing.T) {
	t.Parallel()
	api, _, client := newAPI(t, nil)
	api.SetClustersFault(digitaloceantest.NamedOfClusters()["reset-once"])
	if list, err := client.Clusters(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("got %+v, %v; want one cluster", list, err)
	}
	for _, name := range []string{"reset", "cut"} {
		api.SetClustersFault(digitaloceantest.NamedOfClusters()[name])
		if _, err := client.Clusters(t.Context()); credential.ClassOf(err) != credential.Unreachable {
			t.Errorf("%s: got %v of class %q, want %q", name, err, credential.ClassOf(err), credential.Unreachable)
		}
	}
}

func TestTooManyClusters(t *testing.T) {
	api, _, client := newAPI(t, nil)
	var list strings.Builder
	list.WriteString(`{"kubernetes_clusters":[`)
	for i := range 10_001 {
		if i > 0 {
			list.WriteString(",")
		}
		list.WriteString(`{"id":"00000000-0000-4000-8000-` + fmt.Sprintf("%012x", i) + `"}`)
	}
	list.WriteString("]}")
	api.SetClustersFault(digitaloceantest.Answer(200, "application/json", list.String()))
	_, err := client.Clusters(t.Context())
	checkUnusable(t, err, "it lists more than 10000 clusters")
}

// The size of an error's body is limited, too.
func TestHugeErrorBody(t *testing.T) {
	memory := &watched{base: http.DefaultTransport}
	api, _, client := newAPI(t, func(o *digitalocean.Options) { o.Transport = memory })
	memory.start()
	for _, set := range []func(digitaloceantest.Fault){api.SetClustersFault, api.SetFault} {
		set(digitaloceantest.NamedOfClusters()["error-page"])
	}
	_, err := client.Clusters(t.Context())
	_, fetchErr := fetch(t, client, 0)
	for _, err := range []error{err, fetchErr} {
		refused := credential.ClassOf(err) == credential.Refused
		if !refused || !strings.Contains(err.Error(), "the API denied access: Forbidden") {
			t.Errorf("got %v of class %q, want %q", err, credential.ClassOf(err), credential.Refused)
		}
	}
	if memory.most > maxMemory || memory.read > 1<<20 {
		t.Errorf("got %d MB in use after reading %d bytes, want at most %d MB and %d bytes",
			memory.most>>20, memory.read, maxMemory>>20, 1<<20)
	}
}

func TestFailureOfOneCluster(t *testing.T) {
	for fault, says := range map[string]string{
		"empty":        "it holds no cluster",
		"null":         "it holds no cluster",
		"list-string":  `its field "kubernetes_cluster" is of the wrong type`,
		"links-number": `its field "kubernetes_cluster" is of the wrong type`,
		"name-number":  `its field "kubernetes_cluster.name" is of the wrong type`,
		"huge-name":    `its field "name" is too long`,
		"no-uuid":      "it holds a cluster whose id is not a UUID",
		"html":         "it is not JSON",
	} {
		api, _, client := newAPI(t, nil)
		api.SetClustersFault(digitaloceantest.NamedOfClusters()[fault])
		_, err := client.Cluster(t.Context(), clusterID)
		checkUnusable(t, err, says)
		if e, ok := errors.AsType[*credential.Error](err); !ok || e.ClockSkew != 0 || e.Status != 0 {
			t.Errorf("%s: got %#v, want an error with neither status nor clock skew", fault, err)
		}
	}
}

// watched is a transport that samples the memory in use while answers are read.
type watched struct {
	base        http.RoundTripper
	before      uint64
	most        uint64
	read, since int
}

func (w *watched) start() {
	runtime.GC()
	w.before = inUse()
}

// inUse returns the size of the heap, including garbage that hasn't been collected.
func inUse() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.base.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(resp.Body, w), resp.Body}
	}
	return resp, err
}

// Write is called with everything that is read.
func (w *watched) Write(p []byte) (int, error) {
	w.read, w.since = w.read+len(p), w.since+len(p)
	if w.since > 1<<20 {
		w.since = 0
		if now := inUse(); now > w.before {
			w.most = max(w.most, now-w.before)
		}
	}
	return len(p), nil
}
