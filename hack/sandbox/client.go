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

// clientCommand is the argument with which the sandbox runs itself as a client-go program. It is a separate
// process because client-go caches credentials per process.
const clientCommand = "client"

// answer is a cluster's answer to /version.
type answer struct {
	GitVersion      string `json:"gitVersion"`
	AuthenticatedBy string `json:"authenticatedBy"` // "token" or "client certificate"; kubectl doesn't tell
}

// runClient gets the version of a context's cluster in $KUBECONFIG and prints the answer.
// client-go runs the plugin.
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
		return fmt.Errorf("creating the client: %w", err)
	}
	url := strings.TrimRight(config.Host, "/") + "/version"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
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
		return fmt.Errorf("decoding the answer from %s: %w", request.URL, err)
	}
	got.AuthenticatedBy = response.Header.Get("X-Authenticated-By")
	return json.NewEncoder(stdout).Encode(got)
}
