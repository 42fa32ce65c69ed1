package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// demo is the state of the running demo.
type demo struct {
	*sandbox
	out   io.Writer
	api   *digitaloceantest.API
	steps int // the number of the current step
}

// begin starts a step and prints its line.
func (d *demo) begin(format string, args ...any) {
	d.steps++
	fmt.Fprintf(d.out, "%-2d %s\n", d.steps, fmt.Sprintf(format, args...))
}

// say prints lines about the current step.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintln(d.out, indent(fmt.Sprintf(format, args...), "   "))
}

// client is a program that gets a cluster's version.
type client struct {
	name   string
	args   []string // its command, to which the context's name is appended
	tells  bool     // its output includes how it was authenticated
	absent string   // why it can't be run; "" if it can
}

// call is a step in which a client calls a cluster without a call to the API.
type call struct {
	client client
	why    string
}

// callLine is the format of a call's line, in columns.
const callLine = "%-9s  %-12s  %-7s  %-18s  %6s  %s"

// callClusters calls each cluster with a client-go program and with kubectl.
func (d *demo) callClusters(ctx context.Context, clusters []*digitaloceantest.Cluster) error {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	clientGo := client{name: "client-go", args: []string{executable, clientCommand}, tells: true}
	path, absent := d.findKubectl(ctx)
	kubectl := client{
		name:   "kubectl",
		args:   []string{path, "--kubeconfig", d.kubeconfig, "get", "--raw", "/version", "--context"},
		absent: absent,
	}

	fmt.Fprintf(d.out, "   "+callLine+"\n",
		"client", "context", "version", "authenticated by", "took", "minted so far")
	for _, cluster := range clusters {
		for _, step := range []call{
			{clientGo, "The credential has been in the cache since the save: no API call."},
			{kubectl, "Another client gets the same credential from the cache: no API call."},
		} {
			if err := d.call(ctx, step, cluster); err != nil {
				return err
			}
		}
	}
	return nil
}

// credentialOf returns the cluster's name for its kind of credentials.
func credentialOf(c *digitaloceantest.Cluster) string {
	if c.Certificates {
		return "client certificate"
	}
	return "token"
}

// call runs a step and checks that what it prints is true.
func (d *demo) call(ctx context.Context, step call, cluster *digitaloceantest.Cluster) error {
	if step.client.absent != "" {
		d.begin("%-9s  %-12s  skipped: %s", step.client.name, cluster.Name, step.client.absent)
		return nil
	}
	wantCalls, wantMints := d.api.Calls(), d.api.Mints(cluster.ID)
	before, _ := cluster.Requests()
	r, err := d.output(ctx, append(slices.Clip(step.client.args), cluster.Name)...)
	if err != nil {
		return fmt.Errorf("calling cluster %q: %w", cluster.Name, err)
	}
	var got answer
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || got.GitVersion == "" {
		return fmt.Errorf("calling cluster %q: %s printed no version: %q", cluster.Name, step.client.name, r.stdout)
	}
	mints := d.api.Mints(cluster.ID)
	d.begin(callLine, step.client.name, cluster.Name, got.GitVersion, cmp.Or(got.AuthenticatedBy, "(not shown)"),
		r.took.Round(time.Millisecond), count(mints, credentialOf(cluster)))

	all, refused := cluster.Requests()
	switch {
	case all == before:
		return d.untrue("cluster %q got no request", cluster.Name)
	case refused != 0:
		return d.untrue("cluster %q refused %d requests", cluster.Name, refused)
	case step.client.tells && got.AuthenticatedBy != credentialOf(cluster):
		return d.untrue("got the client authenticated by %q, want %q", got.AuthenticatedBy, credentialOf(cluster))
	case mints != wantMints:
		return d.untrue("got %d minted credentials for the cluster, want %d", mints, wantMints)
	case d.api.Calls() != wantCalls:
		return d.untrue("got %d API calls, want %d", d.api.Calls(), wantCalls)
	}
	d.say("%s", step.why)
	return nil
}

// useWrongAccessToken runs the plugin with an invalid access token while the cache has
// a credential for the cluster.
func (d *demo) useWrongAccessToken(ctx context.Context, cluster *digitaloceantest.Cluster) error {
	calls, mints := d.api.Calls(), d.api.Mints(cluster.ID)
	args := []string{d.plugin, "exec-credential", "--api-version=v1", cluster.ID}
	r, err := d.run(ctx, args, "DIGITALOCEAN_ACCESS_TOKEN="+wrongAccessToken)
	if err != nil {
		return fmt.Errorf("running the plugin: %w", err)
	}
	d.begin("doks-auth with a wrong access token: exit code %d, after %s", r.exitCode, r.took.Round(time.Millisecond))
	d.say("%s", indent(strings.TrimRight(r.stderr, "\n"), "  "))

	lines := strings.Split(r.stderr, "\n")
	const refusedByAPI = 3
	switch {
	case r.exitCode != refusedByAPI:
		return d.untrue("got exit code %d, want %d", r.exitCode, refusedByAPI)
	case r.stdout != "":
		return d.untrue("got %d bytes on standard output, want none", len(r.stdout))
	case len(lines) != 3 || lines[2] != "" ||
		!strings.HasPrefix(lines[0], "doks-auth: ") || !strings.HasPrefix(lines[1], "hint: "):
		return d.untrue("got standard error %q, want one line with the error and one with a hint", r.stderr)
	case d.api.Calls() != calls+1 || d.api.Mints(cluster.ID) != mints:
		return d.untrue("got %d API calls and %d minted credentials, want 1 and 0",
			d.api.Calls()-calls, d.api.Mints(cluster.ID)-mints)
	}
	d.say("It can't decrypt what was cached with another access token, so the API is called and refuses.\n" +
		"One line says what went wrong, one what to do. Standard output stays empty.")
	return nil
}

// untrue returns the error for a step that went differently than printed.
func (d *demo) untrue(format string, args ...any) error {
	return fmt.Errorf("step %d: %s", d.steps, fmt.Sprintf(format, args...))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
