package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// resourceOf returns the resource that a request's path names. If there is none it answers the request, and returns
// nil.
func (s *server) resourceOf(w http.ResponseWriter, r *http.Request) *resource {
	res := s.find(r.PathValue("group"), r.PathValue("version"), r.PathValue("resource"))
	if res == nil || r.PathValue("namespace") != "" && !res.namespaced {
		writeNotFound(w)
		return nil
	}
	return res
}

// bodyOf returns the object in a request's body. If there is none it answers the request and reports false.
func bodyOf(w http.ResponseWriter, r *http.Request, res *resource) (object, bool) {
	var o object
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	switch {
	case err != nil:
	case r.Header.Get("Content-Type") == protobuf && res.kind == "Lease":
		o, err = decodeLease(body)
	default:
		err = json.Unmarshal(body, &o)
	}
	if err != nil || o == nil {
		writeStatus(w, http.StatusUnsupportedMediaType, "UnsupportedMediaType", "the body is not an object in JSON")
		return nil, false
	}
	delete(o, "kind")
	delete(o, "apiVersion")
	return o, true
}

// collection serves a resource's list: GET, a watch, and POST.
func (s *server) collection(w http.ResponseWriter, r *http.Request) {
	res := s.resourceOf(w, r)
	if res == nil {
		return
	}
	switch {
	case r.Method == http.MethodGet && !res.isReview():
		s.listOrWatch(w, r, res)
	case r.Method == http.MethodPost && res.isReview():
		all := []string{"*"}
		review := object{"spec": object{}, "status": object{
			"allowed": true, "incomplete": false, "nonResourceRules": []object{},
			"resourceRules": []object{{"verbs": all, "apiGroups": all, "resources": all}},
		}}
		writeJSON(w, http.StatusCreated, typed(res, review))
	case r.Method == http.MethodPost:
		o, ok := bodyOf(w, r, res)
		if !ok {
			return
		}
		if !s.create(res, r.PathValue("namespace"), o) {
			writeStatus(w, http.StatusConflict, "AlreadyExists",
				fmt.Sprintf("%s %q already exists", res.name, metadataOf(o)["name"]))
			return
		}
		writeJSON(w, http.StatusCreated, typed(res, o))
	default:
		writeNotAllowed(w)
	}
}

// single serves one object: GET, PUT and DELETE.
func (s *server) single(w http.ResponseWriter, r *http.Request) {
	res := s.resourceOf(w, r)
	if res == nil {
		return
	}
	place, name := r.PathValue("namespace"), r.PathValue("name")
	var found object
	switch r.Method {
	case http.MethodGet:
		found = s.get(res, place, name)
	case http.MethodDelete:
		found = s.remove(res, place, name)
	case http.MethodPut:
		o, ok := bodyOf(w, r, res)
		if !ok {
			return
		}
		exists, unchanged := s.replace(res, place, name, o)
		if exists && !unchanged {
			writeStatus(w, http.StatusConflict, "Conflict", fmt.Sprintf("%s %q has been modified", res.name, name))
			return
		}
		if exists {
			found = o
		}
	default:
		writeNotAllowed(w)
		return
	}
	if found == nil {
		writeStatus(w, http.StatusNotFound, "NotFound", fmt.Sprintf("%s %q not found", res.name, name))
		return
	}
	if form, ok := formOf(w, r, asTable, asMetadata); ok {
		writeJSON(w, http.StatusOK, inForm(form, r, res, found))
	}
}

func writeNotAllowed(w http.ResponseWriter) {
	writeStatus(w, http.StatusMethodNotAllowed, "MethodNotAllowed",
		"the server does not allow this method on the requested resource")
}
