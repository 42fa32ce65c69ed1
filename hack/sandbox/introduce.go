package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// introduce prints what the demo stands on.
func introduce(out io.Writer, apiURL string, clusters []*digitaloceantest.Cluster) {
	fmt.Fprintf(out, "Stand-ins on this machine: the DigitalOcean API at %s, and two clusters,\n", apiURL)
	fmt.Fprintf(out, "one that takes tokens and one that takes client certificates:\n\n")
	for _, c := range clusters {
		fmt.Fprintf(out, "  %-13s %s\n", c.Name, c.Server)
	}
	fmt.Fprintln(out)
}

// indent puts a prefix before each line.
func indent(text, prefix string) string {
	var indented strings.Builder
	for line := range strings.Lines(text) {
		indented.WriteString(prefix + line)
	}
	return indented.String()
}
