package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// users is the one user of the kubeconfig. It serves all clusters, since it names none.
const users = `users:
- name: doks
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: doks-auth
      provideClusterInfo: true
      interactiveMode: Never
`

// kubeconfig returns a kubeconfig with a context for each cluster. The proxy is what finds the
// clusters by their names, which no name service knows.
func kubeconfig(proxyURL string, clusters []*digitaloceantest.Cluster) []byte {
	var text strings.Builder
	text.WriteString("apiVersion: v1\nkind: Config\nclusters:\n")
	for _, c := range clusters {
		fmt.Fprintf(&text, "- name: %s\n  cluster:\n    server: %s\n    certificate-authority-data: %s\n    proxy-url: %s\n",
			c.Name, c.Server, base64.StdEncoding.EncodeToString(c.CA()), proxyURL)
	}
	text.WriteString("contexts:\n")
	for _, c := range clusters {
		fmt.Fprintf(&text, "- name: %s\n  context:\n    cluster: %s\n    user: doks\n", c.Name, c.Name)
	}
	text.WriteString(users)
	return []byte(text.String())
}

// introduce prints what the demo stands on.
func introduce(out io.Writer, apiURL string, clusters []*digitaloceantest.Cluster) {
	fmt.Fprintf(out, "Stand-ins on this machine: the DigitalOcean API at %s, and two clusters,\n", apiURL)
	fmt.Fprintf(out, "one that takes tokens and one that takes client certificates. Their kubeconfig has\n\n")
	for _, c := range clusters {
		fmt.Fprintf(out, "  context %-13s server %s\n", c.Name, c.Server)
	}
	fmt.Fprintf(out, "\nand one user for both. The plugin takes the cluster's id from the server's name:\n\n%s\n", indent(users, "  "))
}

// indent puts a prefix before each line.
func indent(text, prefix string) string {
	var indented strings.Builder
	for line := range strings.Lines(text) {
		indented.WriteString(prefix + line)
	}
	return indented.String()
}
