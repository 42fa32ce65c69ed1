package digitaloceantest

import (
	"fmt"
	"net/http"
	"strconv"
)

// maxPerPage is the API's maximum number of clusters per page.
const maxPerPage = 200

// listClusters answers with one page of clusters.
func (a *API) listClusters(w http.ResponseWriter, r *http.Request) {
	page := max(number(r, "page", 1), 1)
	perPage := min(max(number(r, "per_page", 20), 1), maxPerPage)
	a.mu.Lock()
	fault := a.clustersFault
	all := a.visibleClusters(r)
	from := min((page-1)*perPage, len(all))
	to := min(from+perPage, len(all))
	clusters := []any{}
	for _, cluster := range all[from:to] {
		clusters = append(clusters, cluster.resource())
	}
	answer := map[string]any{
		"kubernetes_clusters": clusters,
		"links":               links(r, page, perPage, len(all)),
		"meta":                map[string]int{"total": len(all)},
	}
	a.mu.Unlock()
	answerWith(fault, w, r, answer)
}

// links returns the links from a page to others.
func links(r *http.Request, page, perPage, total int) map[string]any {
	last := max((total+perPage-1)/perPage, 1)
	if last == 1 {
		return map[string]any{}
	}
	address := func(page int) string {
		return fmt.Sprintf("http://%s%s?page=%d&per_page=%d", r.Host, r.URL.Path, page, perPage)
	}
	pages := map[string]string{}
	if page > 1 {
		pages["first"], pages["prev"] = address(1), address(min(page-1, last))
	}
	if page < last {
		pages["next"], pages["last"] = address(page+1), address(last)
	}
	return map[string]any{"pages": pages}
}

// getCluster answers with one cluster.
func (a *API) getCluster(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	fault := a.clustersFault
	cluster := a.visible(r)
	if cluster == nil {
		a.mu.Unlock()
		writeError(w, http.StatusNotFound, "not_found", "The resource you requested could not be found.")
		return
	}
	answer := map[string]any{"kubernetes_cluster": cluster.resource()}
	a.mu.Unlock()
	answerWith(fault, w, r, answer)
}

// visible returns the cluster that a call's path names, or nil if there is none that the bearer may see.
// a.mu must be held.
func (a *API) visible(r *http.Request) *Cluster {
	cluster := a.clusters[r.PathValue("id")]
	if cluster == nil || !cluster.visibleTo(bearerOf(r).user) {
		return nil
	}
	return cluster
}

// visibleClusters returns the clusters that a call's bearer may see. a.mu must be held.
func (a *API) visibleClusters(r *http.Request) []*Cluster {
	user := bearerOf(r).user
	var clusters []*Cluster
	for _, id := range a.order {
		if cluster := a.clusters[id]; cluster.visibleTo(user) {
			clusters = append(clusters, cluster)
		}
	}
	return clusters
}

func (c *Cluster) visibleTo(u User) bool { return c.TeamUUID == "" || c.TeamUUID == u.TeamUUID }

// answerWith writes the answer, or applies the fault if it isn't nil.
func answerWith(fault Fault, w http.ResponseWriter, r *http.Request, answer map[string]any) {
	if fault != nil {
		fault(w, r, func() map[string]any { return answer })
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func number(r *http.Request, name string, otherwise int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return otherwise
	}
	return n
}
