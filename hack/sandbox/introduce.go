package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// introduce prints what the demo runs against.
func introduce(out io.Writer, apiURL string, clusters []*digitaloceantest.Cluster) {
	fmt.Fprintf(out, "Running on this machine: a stand-in for the DigitalOcean API at %s and for two clusters,\n", apiURL)
	fmt.Fprintf(out, "one that accepts tokens and one that accepts client certificates:\n\n")
	for _, c := range clusters {
		fmt.Fprintf(out, "  %-13s %s\n", c.Name, c.Server)
	}
	fmt.Fprintln(out)
}

// indent prefixes each line.
func indent(text, prefix string) string {
	var indented strings.Builder
	for line := range strings.Lines(text) {
		indented.WriteString(prefix + line)
	}
	return indented.String()
}
