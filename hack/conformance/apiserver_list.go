package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
)

// listOrWatch answers a GET of a resource's list.
func (s *server) listOrWatch(w http.ResponseWriter, r *http.Request, res *resource) {
	query := r.URL.Query()
	byLabel, err := labels.Parse(query.Get("labelSelector"))
	if err != nil {
		writeStatus(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	byField, err := fields.ParseSelector(query.Get("fieldSelector"))
	if err != nil {
		writeStatus(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	watch, _ := strconv.ParseBool(query.Get("watch"))
	one := asMetadatas
	if watch {
		one = asMetadata // a watch shows one object an event
	}
	form, ok := formOf(w, r, asTable, one)
	if !ok {
		return
	}
	found, version := s.list(res, r.PathValue("namespace"), byLabel, byField)
	if watch {
		s.watch(w, r, res, form, found, version)
		return
	}
	list := object{"metadata": object{"resourceVersion": version}}
	switch form.as {
	case asTable:
		list = tableOf(r, res, found)
		list["metadata"] = object{"resourceVersion": version}
	case asMetadatas:
		list["kind"], list["apiVersion"] = asMetadatas, "meta.k8s.io/v1"
		items := []object{}
		for _, o := range found {
			items = append(items, partial(o))
		}
		list["items"] = items
	default:
		list["kind"], list["apiVersion"], list["items"] = res.kind+"List", res.apiVersion(), found
	}
	writeJSON(w, http.StatusOK, list)
}

// watchTime is how long a watch stays open: shorter than the shortest-lived token, so that clients that only watch need
// another. client-go takes less than a second for a failure.
const watchTime = 2 * time.Second

// watch sends the objects that exist, unless the client has them already, and then nothing until the client leaves or
// its time is up.
func (s *server) watch(
	w http.ResponseWriter, r *http.Request, res *resource, form form, found []object, version string,
) {
	query := r.URL.Query()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	encoder := json.NewEncoder(w)
	initial, _ := strconv.ParseBool(query.Get("sendInitialEvents"))
	if since := query.Get("resourceVersion"); initial || since == "" || since == "0" {
		for _, o := range found {
			encoder.Encode(object{"type": "ADDED", "object": inForm(form, r, res, o)})
		}
	}
	if initial { // KEP-3157: the client waits for the end of what existed
		end := object{"metadata": object{
			"resourceVersion": version, "annotations": object{"k8s.io/initial-events-end": "true"},
		}}
		encoder.Encode(object{"type": "BOOKMARK", "object": inForm(form, r, res, end)})
	}
	http.NewResponseController(w).Flush()
	select {
	case <-r.Context().Done():
	case <-time.After(watchTime):
	}
}

// inForm returns one object in a form.
func inForm(form form, r *http.Request, res *resource, o object) object {
	switch form.as {
	case asTable:
		return tableOf(r, res, []object{o})
	case asMetadata:
		return partial(o)
	default:
		return typed(res, o)
	}
}

func partial(o object) object {
	return object{"kind": asMetadata, "apiVersion": "meta.k8s.io/v1", "metadata": o["metadata"]}
}

// tableOf returns objects as a table with the columns that `kubectl get` shows, or some of them.
func tableOf(r *http.Request, res *resource, found []object) object {
	column := func(name, format string) object {
		return object{"name": name, "type": "string", "format": format, "description": name, "priority": 0}
	}
	rows := []object{}
	for _, o := range found {
		row := object{"cells": []any{metadataOf(o)["name"], "Active", "1d"}}
		switch r.URL.Query().Get("includeObject") {
		case "None":
		case "Object":
			row["object"] = typed(res, o)
		default:
			row["object"] = partial(o)
		}
		rows = append(rows, row)
	}
	return object{
		"kind": asTable, "apiVersion": "meta.k8s.io/v1", "metadata": object{},
		"columnDefinitions": []object{column("Name", "name"), column("Status", ""), column("Age", "")},
		"rows":              rows,
	}
}
