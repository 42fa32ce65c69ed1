package digitaloceantest_test

import (
	"net/http"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const (
	userPath        = "/v2/kubernetes/clusters/" + clusterID + "/user"
	clusterPath     = "/v2/kubernetes/clusters/" + clusterID
	credentialsPath = "/v2/kubernetes/clusters/" + clusterID + "/credentials"
)

// emailOf returns the email address that /v2/account has for a bearer.
func (w *world) emailOf(bearer string) any {
	w.t.Helper()
	status, answer := w.get("/v2/account", bearer)
	account, _ := answer["account"].(map[string]any)
	if status != http.StatusOK || account["email"] == nil || account["uuid"] == nil || account["team"] == nil {
		w.t.Fatalf("got %d %v, want an account with an email, a uuid and a team", status, answer)
	}
	return account["email"]
}

func TestAccount(t *testing.T) {
	w := newWorld(t, nil)
	w.api.SetScopes("dop_v1_other", digitaloceantest.ScopeAccount, digitaloceantest.ScopeClusters)
	first, other := w.emailOf(staticToken), w.emailOf("dop_v1_other")
	if again := w.emailOf(staticToken); first != again || first == other {
		t.Errorf("got the users %v, %v and %v, want the first twice, and another", first, again, other)
	}
	w.api.SetUser(staticToken, sammy())
	if got := w.emailOf(staticToken); got != sammy().Email {
		t.Errorf("got the user %v, want %s", got, sammy().Email)
	}
	if got := w.emailOf(w.auth.Start(sammy()).AccessToken); got != sammy().Email {
		t.Errorf("got the user %v of a session, want %s", got, sammy().Email)
	}
	_, answer := w.get(userPath, staticToken)
	user, _ := answer["kubernetes_cluster_user"].(map[string]any)
	groups, _ := user["groups"].([]any)
	if user["username"] != sammy().Email || len(groups) != 1 || groups[0] != "k8saas:authenticated" {
		t.Errorf("got %v, want %s in k8saas:authenticated", answer, sammy().Email)
	}
	w.wantStatus("/v2/kubernetes/clusters/00000000-0000-4000-8000-000000000000/user", staticToken, http.StatusNotFound)
	if got := w.api.AccountCalls(); got != 7 {
		t.Errorf("got %d calls for the account, want 7", got)
	}
	if got := w.api.Mints(clusterID); got != 0 {
		t.Errorf("got %d mints, want none", got)
	}
	w.api.SetAccountFault(digitaloceantest.Status(http.StatusServiceUnavailable))
	w.wantStatus("/v2/account", staticToken, http.StatusServiceUnavailable)
	w.wantStatus(userPath, staticToken, http.StatusServiceUnavailable)
	w.wantStatus(clusterPath, staticToken, http.StatusOK)
}

func TestScopes(t *testing.T) {
	paths := map[string]string{
		"/v2/account":             digitaloceantest.ScopeAccount,
		userPath:                  digitaloceantest.ScopeClusters,
		clusterPath:               digitaloceantest.ScopeClusters,
		"/v2/kubernetes/clusters": digitaloceantest.ScopeClusters,
		credentialsPath:           digitaloceantest.ScopeCredentials,
	}
	w := newWorld(t, nil)
	for _, scope := range []string{
		digitaloceantest.ScopeAccount, digitaloceantest.ScopeClusters, digitaloceantest.ScopeCredentials,
	} {
		w.api.SetScopes("dop_v1_limited", scope)
		for _, token := range []string{"dop_v1_limited", w.auth.Start(sammy(), scope).AccessToken} {
			for path, needed := range paths {
				want := http.StatusForbidden
				if scope == needed {
					want = http.StatusOK
				}
				w.wantStatus(path, token, want)
			}
		}
	}
	for path := range paths {
		w.wantStatus(path, staticToken, http.StatusOK)
		w.wantStatus(path, "dop_v1_unknown", http.StatusUnauthorized)
		w.wantStatus(path, "", http.StatusUnauthorized)
	}
}

func TestClusterOfATeam(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.cluster.TeamUUID = sammy().TeamUUID
		for _, id := range []string{"11111111-0739-4a1a-acc5-deadbeefbb8f", "22222222-0739-4a1a-acc5-deadbeefbb8f"} {
			cluster, err := digitaloceantest.NewCluster(id)
			if err != nil {
				w.t.Fatal(err)
			}
			w.api.AddCluster(cluster)
		}
	})
	elsewhere := sammy()
	elsewhere.TeamUUID, elsewhere.TeamName = "bbbbbbbb-7777-4888-8999-aaaaaaaaaaaa", "Whales"
	tests := []struct {
		user   digitaloceantest.User
		status int
		total  float64
	}{
		{sammy(), http.StatusOK, 3},
		{elsewhere, http.StatusNotFound, 2},
	}
	for _, test := range tests {
		token := w.auth.Start(test.user).AccessToken
		for _, path := range []string{clusterPath, userPath, credentialsPath} {
			w.wantStatus(path, token, test.status)
		}
		_, answer := w.get("/v2/kubernetes/clusters?per_page=2", token)
		list, _ := answer["kubernetes_clusters"].([]any)
		meta, _ := answer["meta"].(map[string]any)
		if len(list) != 2 || meta["total"] != test.total {
			t.Errorf("team %s: got a page of %d clusters of %v, want 2 of %v",
				test.user.TeamName, len(list), meta["total"], test.total)
		}
	}
}
