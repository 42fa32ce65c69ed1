// Package digitaloceantest provides a stand-in for DigitalOcean in tests, demos and benchmarks: an
// API that mints credentials ([API]), Kubernetes API servers that accept only those ([Cluster]), and
// an OAuth authorization server that issues access tokens for the API ([AuthServer]). The API and the
// authorization server can be made to fail. The package is for programs that use
// [github.com/doks-auth/doks-auth/pkg/digitalocean], and for doks-auth's own tests.
//
// The API implements the endpoints that doks-auth uses as documented at
// https://docs.digitalocean.com/reference/api/.
package digitaloceantest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The scopes of access tokens: to fetch credentials, to list and look up clusters, and to look up the account.
const (
	ScopeCredentials = "kubernetes:access_cluster"
	ScopeClusters    = "kubernetes:read"
	ScopeAccount     = "account:read"
)

// DefaultExpiry is the token lifetime if the request doesn't specify one.
const DefaultExpiry = 7 * 24 * time.Hour

// API is a stand-in for the DigitalOcean API, an http.Handler. Its methods are safe for concurrent use.
type API struct {
	// Expiry is the token lifetime if the request doesn't specify one; 0 means DefaultExpiry. Set it
	// before serving.
	Expiry time.Duration

	// Now is the API's clock, also for its Date header; nil means time.Now. Set it before serving.
	Now func() time.Time

	mux *http.ServeMux

	mu           sync.Mutex
	bearers      map[string]bearer // by access token
	clusters     map[string]*Cluster
	order        []string
	minted       map[string]mintedToken
	mints        map[string]int
	calls        int
	accountCalls int
	delay        time.Duration
	userAgent    string
	auth         *AuthServer // nil: there is none

	fault, clustersFault, accountFault, kubeconfigFault Fault
}

// NewAPI returns an API without clusters that accepts the given access tokens.
func NewAPI(accessTokens ...string) *API {
	a := &API{
		mux:      http.NewServeMux(),
		bearers:  make(map[string]bearer),
		clusters: make(map[string]*Cluster),
		minted:   make(map[string]mintedToken),
		mints:    make(map[string]int),
	}
	for _, token := range accessTokens {
		a.bearers[token] = bearer{user: userOf(token)}
	}
	a.mux.HandleFunc("GET /v2/account", a.account)
	a.mux.HandleFunc("GET /v2/kubernetes/clusters", a.listClusters)
	a.mux.HandleFunc("GET /v2/kubernetes/clusters/{id}", a.getCluster)
	a.mux.HandleFunc("GET /v2/kubernetes/clusters/{id}/credentials", a.credentials)
	a.mux.HandleFunc("GET /v2/kubernetes/clusters/{id}/kubeconfig", a.kubeconfig)
	a.mux.HandleFunc("GET /v2/kubernetes/clusters/{id}/user", a.clusterUser)
	a.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeError(w, http.StatusNotFound, "not_found", "The resource you requested could not be found.")
	})
	return a
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	if auth := a.auth; auth != nil && isOAuth(r) {
		a.mu.Unlock()
		auth.ServeHTTP(w, r)
		return
	}
	a.calls++
	if asksForAccount(r) {
		a.accountCalls++
	}
	a.userAgent = r.UserAgent()
	bearer, known := a.authenticate(r)
	delay := a.delay
	calls := a.calls
	a.mu.Unlock()

	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return
	}
	w.Header().Set("Ratelimit-Limit", "5000")
	w.Header().Set("Ratelimit-Remaining", strconv.Itoa(max(5000-calls, 0)))
	w.Header().Set("Ratelimit-Reset", strconv.FormatInt(a.now().Add(time.Hour).Unix(), 10))
	w.Header().Set("Date", a.now().UTC().Format(http.TimeFormat))
	if !known {
		writeError(w, http.StatusUnauthorized, "unauthorized", "Unable to authenticate you")
		return
	}
	if !bearer.may(neededScope(r)) {
		writeError(w, http.StatusForbidden, "forbidden", "You are not authorized to perform this operation")
		return
	}
	a.mux.ServeHTTP(w, withBearer(r, bearer))
}

// credentials mints a credential or applies the current fault.
func (a *API) credentials(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	fault := a.fault
	cluster := a.visible(r)
	exists := cluster != nil && cluster.hasCredentials()
	a.mu.Unlock()
	if !exists {
		writeError(w, http.StatusNotFound, "not_found", "The resource you requested could not be found.")
		return
	}
	expiry, ok := expiryOf(w, r)
	if !ok {
		return
	}
	mint := func() map[string]any { return a.mint(cluster, expiry) }
	if fault != nil {
		fault(w, r, mint)
		return
	}
	writeJSON(w, http.StatusOK, mint())
}

// expiryOf returns the lifetime that a call asks for, 0 if it asks for none. It answers a call for an invalid one with
// an error.
func expiryOf(w http.ResponseWriter, r *http.Request) (expiry time.Duration, ok bool) {
	asked := r.URL.Query().Get("expiry_seconds")
	if asked == "" {
		return 0, true
	}
	seconds, err := strconv.Atoi(asked)
	if err != nil || seconds < 0 {
		writeError(w, http.StatusUnprocessableEntity, "unprocessable_entity", "expiry_seconds is not valid")
		return 0, false
	}
	return time.Duration(seconds) * time.Second, true
}

// mint mints a credential and returns it in the API's form.
func (a *API) mint(cluster *Cluster, expiry time.Duration) map[string]any {
	answer := map[string]any{
		"server":                     cluster.Server,
		"certificate_authority_data": base64.StdEncoding.EncodeToString(cluster.CA()),
		"client_certificate_data":    nil,
		"client_key_data":            nil,
		"token":                      "",
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mints[cluster.ID]++
	if cluster.Certificates {
		certificate, key := cluster.issue()
		answer["client_certificate_data"] = base64.StdEncoding.EncodeToString(certificate)
		answer["client_key_data"] = base64.StdEncoding.EncodeToString(key)
		return answer
	}
	switch {
	case expiry > 0:
	case a.Expiry > 0:
		expiry = a.Expiry
	default:
		expiry = DefaultExpiry
	}
	token := "k8s_v1_" + strings.ToLower(rand.Text())
	expiresAt := a.now().Add(expiry).UTC()
	a.minted[token] = mintedToken{cluster.ID, expiresAt}
	answer["token"] = token
	answer["expires_at"] = expiresAt.Format(time.RFC3339Nano)
	return answer
}

// AddCluster adds a cluster to the API, or replaces the one with its ID.
func (a *API) AddCluster(c *Cluster) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.clusters[c.ID] == nil {
		a.order = append(a.order, c.ID)
	}
	a.clusters[c.ID] = c
}

// RemoveCluster removes a cluster from the API.
func (a *API) RemoveCluster(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.clusters, id)
	a.order = slices.DeleteFunc(a.order, func(other string) bool { return other == id })
}

// SetState changes the state of a cluster.
func (a *API) SetState(id, state string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clusters[id].State = state
}

// Cluster returns the cluster with the given ID, or nil.
func (a *API) Cluster(id string) *Cluster {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.clusters[id]
}

// Mints returns how many credentials were minted for the cluster.
func (a *API) Mints(clusterID string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mints[clusterID]
}

// Calls returns how many calls the API received, including failed ones.
func (a *API) Calls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls
}

// UserAgent returns the User-Agent of the last call.
func (a *API) UserAgent() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.userAgent
}

// SetDelay delays each answer by d.
func (a *API) SetDelay(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.delay = d
}

// SetFault makes calls for credentials answer with f; nil restores normal answers.
func (a *API) SetFault(f Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = f
}

// SetClustersFault makes calls for clusters, all or one, answer with f; nil restores normal answers. They
// don't mint: f's mint argument returns the normal answer.
func (a *API) SetClustersFault(f Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clustersFault = f
}

func (a *API) now() time.Time {
	if a.Now == nil {
		return time.Now()
	}
	return a.Now()
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func writeError(w http.ResponseWriter, status int, id, message string) {
	writeJSON(w, status, map[string]string{
		"id": id, "message": message, "request_id": fmt.Sprintf("request-%d", status),
	})
}
