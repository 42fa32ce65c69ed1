package digitaloceantest

import (
	"net/http"
	"strings"
)

// account answers with the bearer's user and team.
func (a *API) account(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	fault := a.accountFault
	a.mu.Unlock()
	user := bearerOf(r).user
	account := map[string]any{
		"uuid":              user.UUID,
		"email":             user.Email,
		"name":              user.Name,
		"email_verified":    true,
		"status":            "active",
		"status_message":    "",
		"droplet_limit":     25,
		"floating_ip_limit": 5,
	}
	if user.TeamUUID != "" {
		account["team"] = map[string]string{"uuid": user.TeamUUID, "name": user.TeamName}
	}
	answerWith(fault, w, r, map[string]any{"account": account})
}

// clusterUser answers with the bearer's user name and groups in a cluster.
func (a *API) clusterUser(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	fault := a.accountFault
	cluster := a.visible(r)
	a.mu.Unlock()
	if cluster == nil {
		writeError(w, http.StatusNotFound, "not_found", "The resource you requested could not be found.")
		return
	}
	answerWith(fault, w, r, map[string]any{"kubernetes_cluster_user": map[string]any{
		"username": bearerOf(r).user.Email,
		"groups":   []string{"k8saas:authenticated"},
	}})
}

// asksForAccount reports whether a call asks who the bearer is.
func asksForAccount(r *http.Request) bool {
	return r.URL.Path == "/v2/account" || strings.HasSuffix(r.URL.Path, "/user")
}

// AccountCalls returns how many calls asked who the bearer is, either /v2/account or a cluster's /user, including
// failed ones.
func (a *API) AccountCalls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.accountCalls
}

// SetAccountFault makes calls for the account, and those for a cluster's user, answer with f; nil restores normal
// answers. They don't mint: f's mint argument returns the normal answer.
func (a *API) SetAccountFault(f Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.accountFault = f
}
