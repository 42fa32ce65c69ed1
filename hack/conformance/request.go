package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// request wants the client to pass the cluster to the plugin, in a request of the entry's version. The plugin must not
// print anything else than its answer: some clients read its standard error, too.
func request(t *trial) (string, error) {
	record, printed, shim := t.path("requests"), t.path("stderr"), t.path("shim")
	script := fmt.Sprintf(`#!/bin/sh
printf '%%s\n' "$KUBERNETES_EXEC_INFO" >>'%s'
exec '%s' "$@" 2>>'%s'
`, record, t.plugin, printed)
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
	if text, err := os.ReadFile(printed); err != nil || len(text) > 0 {
		return "", failed(o, "got %q, %v on the plugin's standard error, want nothing", text, err)
	}
	first, _, _ := strings.Cut(string(recorded), "\n")
	fmt.Fprintf(t.log, "requests:\n%s\n", indent(strings.TrimSpace(string(recorded))))
	if first == "" {
		return "", failed(o, "it passes no request")
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
		return "", failed(o, "it passes a request without the cluster")
	}
	return "", nil
}
