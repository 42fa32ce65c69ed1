package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
)

// apiServerTest is a running API server.
type apiServerTest struct {
	t   *testing.T
	url string
}

func newAPIServerTest(t *testing.T) apiServerTest {
	server := httptest.NewServer(apiServer())
	t.Cleanup(server.Close)
	return apiServerTest{t, server.URL}
}

// do sends a request and returns the status and the decoded body of the answer.
func (a apiServerTest) do(method, path, accept, body string) (int, object) {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer object
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	return response.StatusCode, answer
}

// at returns what is at a path in an object: keys, and "*" for that of each element of a list.
func at(o any, path ...string) any {
	for i, key := range path {
		if list, ok := o.([]any); ok && key == "*" {
			var all []any
			for _, element := range list {
				all = append(all, at(element, path[i+1:]...))
			}
			return all
		}
		fields, _ := o.(object)
		o = fields[key]
	}
	return o
}

const (
	table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
	// What kubectl 1.37 sends.
	aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
)

func TestAPIServerAnswers(t *testing.T) {
	a := newAPIServerTest(t)
	both := []any{"default", "kube-system"}
	tests := []struct {
		path, accept string
		at           string
		want         any
	}{
		{"/version", "", "gitVersion", "v1.37.1"},
		{"/version/", "", "gitVersion", "v1.37.1"},
		{"/api", "", "versions", []any{"v1"}},
		{"/api", aggregated, "items * versions * version", []any{[]any{"v1"}}},
		{"/apis", "", "kind", "APIGroupList"},
		{"/apis", aggregated, "apiVersion", "apidiscovery.k8s.io/v2"},
		{"/apis/apps", "", "preferredVersion groupVersion", "apps/v1"},
		{"/apis/apps/v1", "", "groupVersion", "apps/v1"},
		{"/api/v1", "", "groupVersion", "v1"},
		{"/api/v1/namespaces", "", "items * metadata name", both},
		{"/api/v1/namespaces", "", "kind", "NamespaceList"},
		{"/api/v1/namespaces", table, "rows * object metadata name", both},
		{"/api/v1/namespaces", protobuf + "," + table, "kind", "Table"},
		{"/api/v1/namespaces", protobuf, "code", float64(http.StatusNotAcceptable)},
		{"/api/v1/namespaces?includeObject=Object", table, "rows * object spec finalizers", []any{
			[]any{"kubernetes"}, []any{"kubernetes"},
		}},
		{
			"/api/v1/namespaces", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
			"items * metadata name", both,
		},
		{"/api/v1/namespaces?fieldSelector=metadata.name%3Ddefault", "", "items * metadata name", []any{"default"}},
		{"/api/v1/namespaces?labelSelector=owner%3Dhelm", "", "items", []any{}},
		{"/api/v1/namespaces/default", "", "kind", "Namespace"},
		{"/api/v1/namespaces/default", table, "rows * object metadata name", []any{"default"}},
		{"/api/v1/namespaces/other", "", "message", `namespaces "other" not found`},
		{"/api/v1/secrets", "", "items", []any{}},
		{"/apis/apps/v1/namespaces/default/deployments", "", "kind", "DeploymentList"},
		{"/api/v1/namespaces/default/nodes", "", "code", float64(http.StatusNotFound)},
		{"/apis/other/v1", "", "code", float64(http.StatusNotFound)},
		{"/other", "", "kind", "Status"},
	}
	for _, test := range tests {
		_, answer := a.do(http.MethodGet, test.path, test.accept, "")
		if got := at(answer, strings.Fields(test.at)...); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s %s: %s: got %v, want %v", test.path, test.accept, test.at, got, test.want)
		}
	}
}

func TestAPIServerReview(t *testing.T) {
	a := newAPIServerTest(t)
	// client-go's typed clients ask in protobuf.
	status, answer := a.do(http.MethodPost, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
		protobuf+",application/json", "k8s\x00")
	if status != http.StatusCreated || at(answer, "status", "allowed") != true {
		t.Errorf("got %d %v, want a review that allows it", status, answer)
	}
}

func TestAPIServerChanges(t *testing.T) {
	a := newAPIServerTest(t)
	const (
		secrets = "/api/v1/namespaces/default/secrets"
		state   = secrets + "/state"
	)
	steps := []struct {
		method, path, body string
		status             int
	}{
		{http.MethodGet, state, "", http.StatusNotFound},
		{http.MethodPost, secrets, `{"metadata": {"name": "state"}}`, http.StatusCreated},
		{http.MethodPost, secrets, `{"metadata": {"name": "state"}}`, http.StatusConflict},
		{http.MethodPut, state, `{"metadata": {"resourceVersion": "999"}}`, http.StatusConflict},
		{http.MethodPut, state, `{"data": {"key": "dmFsdWU="}}`, http.StatusOK},
		{http.MethodPost, secrets, `null`, http.StatusUnsupportedMediaType},
		{http.MethodGet, state, "", http.StatusOK},
		{http.MethodPatch, state, "{}", http.StatusMethodNotAllowed},
		{http.MethodDelete, state, "", http.StatusOK},
		{http.MethodDelete, state, "", http.StatusNotFound},
	}
	for _, step := range steps {
		status, answer := a.do(step.method, step.path, "", step.body)
		if status != step.status {
			t.Errorf("%s %s %s: got %d, want %d", step.method, step.path, step.body, status, step.status)
		}
		if step.method == http.MethodGet && status == http.StatusOK && at(answer, "data", "key") != "dmFsdWU=" {
			t.Errorf("got %v, want the value that was put", answer)
		}
	}
}

func TestAPIServerWatch(t *testing.T) {
	a := newAPIServerTest(t)
	tests := []struct {
		query string
		want  []string
	}{
		{"", []string{"ADDED default", "ADDED kube-system"}},
		{"&resourceVersion=2", nil},
		{"&sendInitialEvents=true&resourceVersion=2", []string{"ADDED default", "ADDED kube-system", "BOOKMARK <nil>"}},
	}
	for _, test := range tests {
		t.Run(test.query, func(t *testing.T) {
			t.Parallel() // a watch lasts two seconds
			response, err := http.Get(a.url + "/api/v1/namespaces?watch=true" + test.query)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			var got []string
			lines := bufio.NewScanner(response.Body)
			for lines.Scan() {
				var event object
				if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
					t.Fatal(err)
				}
				got = append(got, fmt.Sprint(event["type"], " ", at(event, "object", "metadata", "name")))
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
