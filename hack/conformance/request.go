package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// request reports what the client passes to the plugin: the cluster, a request without one, or none.
func request(t *trial) (string, error) {
	record, shim := t.path("requests"), t.path("shim")
	script := fmt.Sprintf(`#!/bin/sh
printf '%%s\n' "$KUBERNETES_EXEC_INFO" >>'%s'
exec '%s' "$@"
`, record, t.plugin)
	if err := os.WriteFile(shim, []byte(script), 0o700); err != nil {
		return "", err
	}
	if err := t.saveVersion("--command=" + shim); err != nil {
		return "", err
	}
	o, err := t.list(t.process())
	if err != nil {
		return "", err
	}
	recorded, err := os.ReadFile(record)
	if err != nil {
		return "", failed(o, "the client didn't run the plugin: %v", err)
	}
	first, _, _ := strings.Cut(string(recorded), "\n")
	fmt.Fprintf(t.log, "requests:\n%s\n", indent(strings.TrimSpace(string(recorded))))
	if first == "" {
		return "none", nil
	}
	var got struct {
		APIVersion string
		Spec       struct {
			Cluster struct{ Server string }
		}
	}
	if err := json.Unmarshal([]byte(first), &got); err != nil {
		return "", failed(o, "got a request that isn't JSON: %v: %s", err, first)
	}
	if want := "client.authentication.k8s.io/" + t.client.apiVersion(); got.APIVersion != want {
		return "", failed(o, "got a request of version %q, want %q", got.APIVersion, want)
	}
	if got.Spec.Cluster.Server != t.cluster.Server {
		return "no cluster", nil
	}
	return "cluster", nil
}
