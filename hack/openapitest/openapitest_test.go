package openapitest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/hack/openapitest"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

const (
	accessToken = "dop_v1_test"
	clusterID   = "8d91899c-0739-4a1a-acc5-deadbeefbb8f"
	clusters    = "/v2/kubernetes/clusters"
	credentials = clusters + "/" + clusterID + "/credentials"
)

// failures is a test that only records that it failed.
type failures struct {
	testing.TB

	messages []string
}

func (f *failures) Errorf(format string, args ...any) {
	f.messages = append(f.messages, fmt.Sprintf(format, args...))
}

func newAPI(t *testing.T) *digitaloceantest.API {
	t.Helper()
	api := digitaloceantest.NewAPI(accessToken)
	cluster, err := digitaloceantest.NewCluster(clusterID)
	if err != nil {
		t.Fatal(err)
	}
	api.AddCluster(cluster)
	return api
}

// call sends a request to a handler and returns the status.
func call(api http.Handler, method, path, body string, header http.Header) int {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header = header
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w.Code
}

func bearer() http.Header { return http.Header{"Authorization": {"Bearer " + accessToken}} }

// The stand-in serves what the document contains, as documented, and what Undocumented lists.
func TestEndpoints(t *testing.T) {
	document := openapitest.Open(t)
	standIn := newAPI(t)
	digitaloceantest.NewAuthServer(standIn)
	api := openapitest.Checked(t, standIn)
	endpoints := document.Endpoints()
	if len(endpoints) < 6 {
		t.Errorf("got the endpoints %q, want at least six", endpoints)
	}
	for _, endpoint := range endpoints {
		method, path, _ := strings.Cut(endpoint, " ")
		path = strings.ReplaceAll(path, "{cluster_id}", clusterID)
		if status := call(api, method, path, "", bearer()); status != http.StatusOK {
			t.Errorf("%s: got status %d, want 200", endpoint, status)
		}
	}
	for _, endpoint := range openapitest.Undocumented() {
		method, path, _ := strings.Cut(endpoint, " ")
		if slices.Contains(endpoints, endpoint) {
			t.Errorf("%s is in the document: don't list it", endpoint)
		}
		status := call(api, method, path, "", nil)
		if status == http.StatusNotFound || status == http.StatusMethodNotAllowed {
			t.Errorf("%s: got status %d: the stand-in doesn't serve it", endpoint, status)
		}
	}
}

func TestRequestsThatAreNotAsDocumented(t *testing.T) {
	openapitest.Open(t)
	tests := map[string]struct {
		method, path, body string
		header             http.Header
		says               string
	}{
		"path":               {"GET", "/v2/droplets", "", bearer(), "the document has no such endpoint"},
		"method":             {"POST", clusters, "", bearer(), "the document has no such endpoint"},
		"no access token":    {"GET", clusters, "", nil, "it has no access token"},
		"cluster":            {"GET", clusters + "/production/user", "", bearer(), `"cluster_id" in path`},
		"page":               {"GET", clusters + "?per_page=201", "", bearer(), `"per_page" in query`},
		"expiry":             {"GET", credentials + "?expiry_seconds=-1", "", bearer(), `"expiry_seconds" in query`},
		"unknown parameter":  {"GET", clusters + "?limit=10", "", bearer(), "the document has no parameter limit"},
		"repeated parameter": {"GET", clusters + "?page=1&page=2", "", bearer(), "its parameter page is repeated"},
		"body":               {"GET", clusters, "{}", bearer(), "body not allowed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found := &failures{TB: t}
			call(openapitest.Checked(found, newAPI(t)), test.method, test.path, test.body, test.header)
			if len(found.messages) != 1 || !strings.Contains(found.messages[0], test.says) {
				t.Errorf("got %q, want one message with %q", found.messages, test.says)
			}
			found.messages = nil
			call(openapitest.CheckedAnswers(found, newAPI(t)), test.method, test.path, test.body, test.header)
			if len(found.messages) > 0 {
				t.Errorf("got %q from CheckedAnswers, want nothing", found.messages)
			}
		})
	}
}

func TestAnswersThatAreNotAsDocumented(t *testing.T) {
	openapitest.Open(t)
	const (
		list    = clusters + "?page=1&per_page=200"
		user    = clusters + "/" + clusterID + "/user"
		cluster = `{"id":"` + clusterID + `","name":"a","region":"fra1","version":"1.37.1-do.0"`
	)
	listed := func(cluster string) string { return `{"kubernetes_clusters":[` + cluster + `],"meta":{"total":1}}` }
	type header map[string]string
	tests := map[string]struct {
		path   string
		status int
		header header
		body   string
		says   string // "": it is as documented
	}{
		"a list":         {list, 200, nil, listed(cluster + `,"node_pools":[]}`), ""},
		"no total":       {list, 200, nil, `{"kubernetes_clusters":[]}`, `property "meta" is missing`},
		"no node pools":  {list, 200, nil, listed(cluster + "}"), `property "node_pools" is missing`},
		"no size":        {list, 200, nil, listed(cluster + `,"node_pools":[{"name":"a","count":1}]}`), `"size" is missing`},
		"state":          {list, 200, nil, listed(cluster + `,"node_pools":[],"status":{"state":"odd"}}`), "/status/state"},
		"another field":  {list, 200, nil, listed(cluster + `,"node_pools":[],"new":{}}`), ""},
		"type":           {list, 200, nil, `{"kubernetes_clusters":{},"meta":{"total":0}}`, "must be an array"},
		"null":           {credentials, 200, nil, "null", "not nullable"},
		"nulls":          {credentials, 200, nil, `{"client_key_data":null}`, ""},
		"base64":         {credentials, 200, nil, `{"certificate_authority_data":"!"}`, "/certificate_authority_data"},
		"date":           {credentials, 200, nil, `{"expires_at":"2026-02-30T00:00:00Z"}`, "/expires_at"},
		"address":        {credentials, 200, nil, `{"server":"cluster.example"}`, "/server"},
		"email":          {user, 200, nil, `{"kubernetes_cluster_user":{"username":"sammy"}}`, "/username"},
		"no JSON":        {user, 200, nil, "{", "failed to decode"},
		"content type":   {user, 200, header{"Content-Type": "text/html"}, "{}", "text/html"},
		"header":         {user, 200, header{"Ratelimit-Limit": "many"}, "{}", "ratelimit-limit"},
		"an error":       {user, 403, nil, `{"id":"forbidden","message":"no"}`, ""},
		"another error":  {user, 429, nil, `{"error":"slow down"}`, `property "id" is missing`},
		"no body at all": {user, 500, nil, "", "failed to decode"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found := &failures{TB: t}
			send := func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", "application/json; charset=utf-8")
				for name, value := range test.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			}
			answer := func(w http.ResponseWriter, _ *http.Request) { send(w) }
			call(openapitest.Checked(found, http.HandlerFunc(answer)), "GET", test.path, "", bearer())
			switch {
			case test.says == "" && len(found.messages) > 0:
				t.Errorf("got %q, want nothing", found.messages)
			case test.says != "" && (len(found.messages) != 1 || !strings.Contains(found.messages[0], test.says)):
				t.Errorf("got %q, want one message with %q", found.messages, test.says)
			}
			found.messages = nil
			onPurpose := func(w http.ResponseWriter, _ *http.Request) {
				w.(interface{ Broken() }).Broken()
				send(w)
			}
			call(openapitest.Checked(found, http.HandlerFunc(onPurpose)), "GET", test.path, "", bearer())
			if len(found.messages) > 0 {
				t.Errorf("got %q although it is broken on purpose, want nothing", found.messages)
			}
		})
	}
}
