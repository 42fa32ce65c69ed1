package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// created is when everything was created.
const created = "2026-01-02T03:04:05Z"

// maxBody bounds the objects that clients may create.
const maxBody = 1 << 20

// server holds the objects of a cluster. They have no "kind" and no "apiVersion", as items of the API's lists.
type server struct {
	resources []resource

	mu      sync.Mutex
	objects []stored
	version int // the last resourceVersion
}

type stored struct {
	resource        *resource
	namespace, name string
	object          object
}

func namespace(name string) object {
	return object{
		"metadata": object{"name": name, "labels": object{"kubernetes.io/metadata.name": name}},
		"spec":     object{"finalizers": []string{"kubernetes"}},
		"status":   object{"phase": "Active"},
	}
}

// metadataOf returns an object's metadata, never nil.
func metadataOf(o object) object {
	metadata, _ := o["metadata"].(object)
	if metadata == nil {
		metadata = object{}
		o["metadata"] = metadata
	}
	return metadata
}

// typed returns an object with its kind and version.
func typed(r *resource, o object) object {
	o = maps.Clone(o)
	o["kind"], o["apiVersion"] = r.kind, r.apiVersion()
	return o
}

// index returns where an object is, or -1. s.mu must be held.
func (s *server) index(r *resource, namespace, name string) int {
	return slices.IndexFunc(s.objects, func(o stored) bool {
		return o.resource == r && o.namespace == namespace && o.name == name
	})
}

// create adds an object, and reports false if it exists.
func (s *server) create(r *resource, namespace string, o object) bool {
	metadata := metadataOf(o)
	name, _ := metadata["name"].(string)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index(r, namespace, name) >= 0 {
		return false
	}
	s.version++
	metadata["uid"] = fmt.Sprintf("00000000-0000-4000-9000-%012d", s.version)
	metadata["resourceVersion"] = strconv.Itoa(s.version)
	metadata["creationTimestamp"] = created
	if namespace != "" {
		metadata["namespace"] = namespace
	}
	s.objects = append(s.objects, stored{r, namespace, name, o})
	return true
}

// replace replaces an object, and reports whether it exists and is still as the client read it.
func (s *server) replace(r *resource, namespace, name string, o object) (exists, unchanged bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.index(r, namespace, name)
	if i < 0 {
		return false, false
	}
	old, metadata := metadataOf(s.objects[i].object), metadataOf(o)
	if expected, ok := metadata["resourceVersion"]; ok && expected != old["resourceVersion"] {
		return true, false
	}
	s.version++
	for _, key := range []string{"uid", "creationTimestamp", "namespace", "name"} {
		metadata[key] = old[key]
	}
	metadata["resourceVersion"] = strconv.Itoa(s.version)
	s.objects[i].object = o
	return true, true
}

// remove removes an object, and returns it; nil if there is none.
func (s *server) remove(r *resource, namespace, name string) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.index(r, namespace, name)
	if i < 0 {
		return nil
	}
	o := s.objects[i].object
	s.objects = slices.Delete(s.objects, i, i+1)
	return o
}

// get returns an object, or nil.
func (s *server) get(r *resource, namespace, name string) object {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.index(r, namespace, name); i >= 0 {
		return s.objects[i].object
	}
	return nil
}

// list returns the objects in a namespace, "" for all, that selectors match, and the version of the list.
func (s *server) list(
	r *resource, namespace string, byLabel labels.Selector, byField fields.Selector,
) (found []object, version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found = []object{} // never null in JSON
	for _, o := range s.objects {
		set := labels.Set{}
		if values, ok := metadataOf(o.object)["labels"].(object); ok {
			for key, value := range values {
				set[key] = fmt.Sprint(value)
			}
		}
		place := fields.Set{"metadata.name": o.name, "metadata.namespace": o.namespace}
		if o.resource != r || namespace != "" && o.namespace != namespace {
			continue
		}
		if byLabel.Matches(set) && byField.Matches(place) {
			found = append(found, o.object)
		}
	}
	return found, strconv.Itoa(s.version)
}
