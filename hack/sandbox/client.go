package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// clientCommand makes the sandbox the client that it runs: a client-go program in a process of its
// own, as client-go keeps the credential that a process has got.
const clientCommand = "client"

// answer is a cluster's answer to /version.
type answer struct {
	GitVersion      string `json:"gitVersion"`
	AuthenticatedBy string `json:"authenticatedBy"` // "token" or "client certificate"; kubectl doesn't tell
}

// runClient asks the cluster of a context of $KUBECONFIG for its version, and prints the answer.
// All that concerns the plugin is client-go's doing.
func runClient(ctx context.Context, contextName string, stdout io.Writer) error {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(),
		&clientcmd.ConfigOverrides{CurrentContext: contextName},
	).ClientConfig()
	if err != nil {
		return fmt.Errorf("loading the kubeconfig: %w", err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return fmt.Errorf("making the client: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(config.Host, "/")+"/version", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking %s: %s", request.URL, response.Status)
	}
	var got answer
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		return fmt.Errorf("decoding the answer of %s: %w", request.URL, err)
	}
	got.AuthenticatedBy = response.Header.Get("X-Authenticated-By")
	return json.NewEncoder(stdout).Encode(got)
}
