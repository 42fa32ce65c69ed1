package main

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
)

// apiServer returns what a cluster answers once it has authenticated a request: a version, discovery, and a small
// Kubernetes API with the namespaces "default" and "kube-system" and nothing else. Clients may create, replace and
// delete objects of any kind, such as the state and the locks of Terraform's backend. Reviews of access allow
// everything. A watch shows what exists when it starts, and ends after a while, as those of real clusters do.
func apiServer() http.Handler {
	s := &server{resources: resources()}
	for _, name := range []string{"default", "kube-system"} {
		s.create(s.find("", "v1", "namespaces"), "", namespace(name))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, object{
			"major": "1", "minor": "37", "gitVersion": "v1.37.1", "gitCommit": "0", "gitTreeState": "clean",
			"buildDate": created, "goVersion": "go1.26", "compiler": "gc", "platform": "linux/amd64",
		})
	})
	for _, check := range []string{"/healthz", "/livez", "/readyz"} {
		mux.HandleFunc("GET "+check, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	}
	mux.HandleFunc("GET /api", s.coreVersions)
	mux.HandleFunc("GET /apis", s.groups)
	mux.HandleFunc("GET /apis/{group}", s.group)
	for _, prefix := range []string{"/api/{version}", "/apis/{group}/{version}"} {
		mux.HandleFunc("GET "+prefix, s.groupVersion)
		for _, scope := range []string{"", "/namespaces/{namespace}"} {
			mux.HandleFunc(prefix+scope+"/{resource}", s.collection)
			mux.HandleFunc(prefix+scope+"/{resource}/{name}", s.single)
		}
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { writeNotFound(w) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := strings.TrimSuffix(r.URL.Path, "/"); path != r.URL.Path && path != "" {
			// As the real one, and unlike ServeMux, answer for /version/ without a redirect.
			r = r.Clone(r.Context())
			r.URL.Path = path
		}
		mux.ServeHTTP(w, r)
	})
}

// object is a Kubernetes object, or a part of one, in JSON's form.
type object = map[string]any

// form is what the body of an answer can be: the kind in the "as" parameter of an Accept header, or "" for the
// object itself.
type form struct{ as, version string }

const (
	asTable     = "Table"
	asMetadata  = "PartialObjectMetadata"
	asMetadatas = "PartialObjectMetadataList"
	asDiscovery = "APIGroupDiscoveryList"
)

// formOf returns the first of the forms that a request accepts which is "" or one of those offered. It reports false,
// and answers the request, if there is none.
func formOf(w http.ResponseWriter, r *http.Request, offered ...string) (form, bool) {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if accept == "" {
		return form{}, true
	}
	for part := range strings.SplitSeq(accept, ",") {
		mediaType, parameters, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil || !slices.Contains([]string{"application/json", "application/*", "*/*"}, mediaType) {
			continue
		}
		if as := parameters["as"]; as == "" || slices.Contains(offered, as) {
			return form{as, parameters["v"]}, true
		}
	}
	writeStatus(w, http.StatusNotAcceptable, "NotAcceptable",
		"only the following media types are accepted: application/json")
	return form{}, false
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(body)
}

// writeStatus answers with a failure in the API's own form.
func writeStatus(w http.ResponseWriter, code int, reason, message string) {
	writeJSON(w, code, object{
		"kind": "Status", "apiVersion": "v1", "metadata": object{},
		"status": "Failure", "reason": reason, "message": message, "code": code,
	})
}

func writeNotFound(w http.ResponseWriter) {
	writeStatus(w, http.StatusNotFound, "NotFound", "the server could not find the requested resource")
}
