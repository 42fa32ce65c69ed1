package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// resource is a kind of object that the API server has.
type resource struct {
	group, version, kind string
	name                 string // lower-case and plural, as in a path
	namespaced           bool
	short                string // its short name; may be ""
}

// resources returns what clients look for at the start, even in a cluster that has nothing: k9s wants to know all that
// a person may type.
func resources() []resource {
	return []resource{
		{"", "v1", "Namespace", "namespaces", false, "ns"},
		{"", "v1", "Node", "nodes", false, "no"},
		{"", "v1", "PersistentVolume", "persistentvolumes", false, "pv"},
		{"", "v1", "Pod", "pods", true, "po"},
		{"", "v1", "Event", "events", true, "ev"},
		{"", "v1", "Secret", "secrets", true, ""},
		{"", "v1", "ConfigMap", "configmaps", true, "cm"},
		{"", "v1", "Service", "services", true, "svc"},
		{"", "v1", "Endpoints", "endpoints", true, "ep"},
		{"", "v1", "ServiceAccount", "serviceaccounts", true, "sa"},
		{"", "v1", "ReplicationController", "replicationcontrollers", true, "rc"},
		{"", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true, "pvc"},
		{"apps", "v1", "Deployment", "deployments", true, "deploy"},
		{"apps", "v1", "StatefulSet", "statefulsets", true, "sts"},
		{"apps", "v1", "DaemonSet", "daemonsets", true, "ds"},
		{"apps", "v1", "ReplicaSet", "replicasets", true, "rs"},
		{"batch", "v1", "Job", "jobs", true, ""},
		{"batch", "v1", "CronJob", "cronjobs", true, "cj"},
		{"apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false, "crd"},
		{"authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", false, ""},
		{"authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", false, ""},
		{"coordination.k8s.io", "v1", "Lease", "leases", true, ""},
	}
}

// apiVersion returns the resource's group and version as objects have it.
func (r *resource) apiVersion() string { return strings.TrimPrefix(r.group+"/"+r.version, "/") }

// verbs returns what can be done with the resource. Reviews can only be created.
func (r *resource) verbs() []string {
	if r.isReview() {
		return []string{"create"}
	}
	return []string{"create", "delete", "get", "list", "update", "watch"}
}

func (r *resource) isReview() bool { return strings.HasSuffix(r.kind, "Review") }

// find returns the resource with a name, or nil.
func (s *server) find(group, version, name string) *resource {
	i := slices.IndexFunc(s.resources, func(r resource) bool {
		return r.group == group && r.version == version && r.name == name
	})
	if i < 0 {
		return nil
	}
	return &s.resources[i]
}

// groupNames returns the names of all groups but the core's, in order.
func (s *server) groupNames() []string {
	var names []string
	for _, r := range s.resources {
		if r.group != "" && !slices.Contains(names, r.group) {
			names = append(names, r.group)
		}
	}
	return names
}

func (s *server) coreVersions(w http.ResponseWriter, r *http.Request) {
	form, ok := formOf(w, r, asDiscovery)
	switch {
	case !ok:
	case form.as == asDiscovery:
		s.aggregated(w, form, "")
	default:
		writeJSON(w, http.StatusOK, object{
			"kind": "APIVersions", "versions": []string{"v1"},
			"serverAddressByClientCIDRs": []object{{"clientCIDR": "0.0.0.0/0", "serverAddress": r.Host}},
		})
	}
}

func (s *server) groups(w http.ResponseWriter, r *http.Request) {
	form, ok := formOf(w, r, asDiscovery)
	switch {
	case !ok:
	case form.as == asDiscovery:
		s.aggregated(w, form, s.groupNames()...)
	default:
		var groups []object
		for _, name := range s.groupNames() {
			groups = append(groups, groupOf(name))
		}
		writeJSON(w, http.StatusOK, object{"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
	}
}

// groupOf returns the description of a group, each of which has one version.
func groupOf(name string) object {
	version := object{"groupVersion": name + "/v1", "version": "v1"}
	return object{"name": name, "versions": []object{version}, "preferredVersion": version}
}

func (s *server) group(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("group")
	if !slices.Contains(s.groupNames(), name) {
		writeNotFound(w)
		return
	}
	group := groupOf(name)
	group["kind"], group["apiVersion"] = "APIGroup", "v1"
	writeJSON(w, http.StatusOK, group)
}

func (s *server) groupVersion(w http.ResponseWriter, r *http.Request) {
	var list []object
	var apiVersion string
	for _, res := range s.resources {
		if res.group != r.PathValue("group") || res.version != r.PathValue("version") {
			continue
		}
		apiVersion = res.apiVersion()
		list = append(list, object{
			"name": res.name, "singularName": strings.ToLower(res.kind), "namespaced": res.namespaced,
			"kind": res.kind, "verbs": res.verbs(), "shortNames": res.shortNames(),
		})
	}
	if list == nil {
		writeNotFound(w)
		return
	}
	writeJSON(w, http.StatusOK, object{
		"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": apiVersion, "resources": list,
	})
}

// shortNames returns the resource's short names, never nil.
func (r *resource) shortNames() []string {
	if r.short == "" {
		return []string{}
	}
	return []string{r.short}
}

// aggregated answers with all that is to know about some groups: apidiscovery.k8s.io's form, as of KEP-3352.
func (s *server) aggregated(w http.ResponseWriter, form form, groups ...string) {
	var items []object
	for _, group := range groups {
		var list []object
		for _, r := range s.resources {
			if r.group != group {
				continue
			}
			scope := "Cluster"
			if r.namespaced {
				scope = "Namespaced"
			}
			list = append(list, object{
				"resource": r.name, "scope": scope, "singularResource": strings.ToLower(r.kind), "verbs": r.verbs(),
				"responseKind": object{"group": r.group, "version": r.version, "kind": r.kind},
				"shortNames":   r.shortNames(),
			})
		}
		items = append(items, object{
			"metadata": object{"name": group, "creationTimestamp": nil},
			"versions": []object{{"version": "v1", "resources": list, "freshness": "Current"}},
		})
	}
	w.Header().Set("Content-Type",
		fmt.Sprintf("application/json;g=apidiscovery.k8s.io;v=%s;as=%s", form.version, form.as))
	writeJSON(w, http.StatusOK, object{
		"kind": asDiscovery, "apiVersion": "apidiscovery.k8s.io/" + form.version,
		"metadata": object{}, "items": items,
	})
}
