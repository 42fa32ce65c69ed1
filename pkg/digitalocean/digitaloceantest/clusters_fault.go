package digitaloceantest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
)

// endless returns a Fault that answers each call with a page that links to another one. clusters returns
// the clusters of the n-th page.
func endless(clusters func(page int64) []any) Fault {
	var pages atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, _ func() map[string]any) {
		broken(w)
		next := fmt.Sprintf("http://%s%s?page=2", r.Host, r.URL.Path)
		writeJSON(w, http.StatusOK, map[string]any{
			"kubernetes_clusters": clusters(pages.Add(1)),
			"links":               map[string]any{"pages": map[string]string{"next": next, "last": next}},
		})
	}
}

// numbered returns a different cluster for each number.
func numbered(n int64) any {
	c := Cluster{ID: fmt.Sprintf("00000000-0000-4000-8000-%012x", n), Name: fmt.Sprintf("Cluster.%d", n)}
	return c.resource()
}

// Repeated returns a Fault that answers with a status and a body of start, text the given number of times,
// and end.
func Repeated(status int, start, text string, times int, end string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ func() map[string]any) {
		broken(w)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, start)
		block := max(64<<10/len(text), 1)
		many := strings.Repeat(text, block)
		for left := times; left > 0; left -= block {
			if _, err := io.WriteString(w, many[:min(left, block)*len(text)]); err != nil {
				return
			}
		}
		io.WriteString(w, end)
	}
}

// ChangeCluster returns a Fault that changes fields of clusters, in a list or alone; a nil value becomes null.
func ChangeCluster(fields map[string]any) Fault {
	return func(w http.ResponseWriter, _ *http.Request, answer func() map[string]any) {
		broken(w)
		changed := answer()
		list, _ := changed["kubernetes_clusters"].([]any)
		for _, cluster := range append(list, changed["kubernetes_cluster"]) {
			if cluster, ok := cluster.(map[string]any); ok {
				maps.Copy(cluster, fields)
			}
		}
		writeJSON(w, http.StatusOK, changed)
	}
}

// NamedOfClusters returns the faults for calls for clusters, by the names that tests use. Those of
// Named work as well.
func NamedOfClusters() map[string]Fault {
	const json = "application/json"
	elements := func(element string, times int) Fault {
		return Repeated(200, `{"kubernetes_clusters":[`, element+",", times-1, element+"]}")
	}
	const some = `{"id":"8d91899c-0739-4a1a-acc5-deadbeefbb8f",`
	cut := `{"kubernetes_clusters":[` + some + `"name":"hunt`
	return map[string]Fault{
		"reset":         Reset,
		"reset-once":    Times(1, Reset),
		"cut":           Cut,
		"html":          Answer(200, "text/html", "<html><body>Please log in</body></html>"),
		"null":          Answer(200, json, "null"),
		"empty":         Answer(200, json, "{}"),
		"no-body":       Answer(200, json, ""),
		"truncated":     Answer(200, json, cut),
		"trailing":      Answer(200, json, `{"kubernetes_clusters":[],"kubernetes_cluster":null}{}`),
		"deep":          Answer(200, json, `{"kubernetes_clusters":`+strings.Repeat("[", 100_000)),
		"deep-unused":   Answer(200, json, `{"x":`+strings.Repeat("[", 100_000)),
		"error-page":    Repeated(403, `{"message":"`, "hunter2 ", 8<<20, `"}`),
		"list-string":   Change(map[string]any{"kubernetes_clusters": "hunter2", "kubernetes_cluster": "hunter2"}),
		"links-number":  Change(map[string]any{"links": 5, "kubernetes_cluster": 5}),
		"null-list":     Change(map[string]any{"kubernetes_clusters": []any(nil), "meta": "odd"}),
		"endless":       endless(func(int64) []any { return []any{numbered(0)} }),
		"endless-empty": endless(func(int64) []any { return nil }),
		"endless-new":   endless(func(page int64) []any { return []any{numbered(page)} }),
		"empty-objects": elements("{}", 20<<20),
		"nulls":         elements("null", 12<<20),
		"numbers":       elements("0", 30<<20),
		"same":          elements(some+`"name":"again"}`, 1<<17),
		"node-pools":    elements(some+`"node_pools":[`+strings.Repeat("{},", 100_000)+"{}]}", 40),
		"huge-cluster":  Repeated(200, `{"kubernetes_clusters":[`+some+`"node_pools":"`, "x", 60<<20, `"}]}`),
		"huge-name":     ChangeCluster(map[string]any{"name": strings.Repeat("hunter2", 10_000)}),
		"huge-spaces":   Huge(60 << 20),
		"hibernating":   ChangeCluster(map[string]any{"status": map[string]any{"state": "hibernating"}}),
		"null-status":   ChangeCluster(map[string]any{"status": nil}),
		"state-number":  ChangeCluster(map[string]any{"status": map[string]any{"state": 5}}),
		"name-number":   ChangeCluster(map[string]any{"name": 5}),
		"name-escapes":  ChangeCluster(map[string]any{"name": "a\u009b31m\u202eb\u2066\x7f\U000e0001"}),
		"no-uuid":       ChangeCluster(map[string]any{"id": "hunter2/../.."}),
		"unused-fields": ChangeCluster(map[string]any{
			"node_pools": "hunter2", "created_at": 5, "maintenance_policy": []int{1}, "sso": "odd", "tags": 1e300,
			"new": map[string]any{"a": nil},
		}),
	}
}
