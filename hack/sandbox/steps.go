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

// demo is the demo under way.
type demo struct {
	*sandbox
	out   io.Writer
	api   *digitaloceantest.API
	steps int // that were begun
}

// begin counts a step and prints its line.
func (d *demo) begin(format string, args ...any) {
	d.steps++
	fmt.Fprintf(d.out, "%d  %s\n", d.steps, fmt.Sprintf(format, args...))
}

// say prints lines that belong to the step.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintln(d.out, indent(fmt.Sprintf(format, args...), "   "))
}

// client is a program that asks a cluster for its version.
type client struct {
	name   string
	args   []string // its command, up to the name of the context
	tells  bool     // how it was authenticated
	absent string   // why it can't be run; "" when it can
}

// call is a step in which a client calls a cluster, and the API isn't called.
type call struct {
	client client
	why    string
}

// callLine is the line of a call, in columns.
const callLine = "%-9s  %-12s  %-7s  %-18s  %6s  %s"

// callClusters calls each cluster by a client-go program and by kubectl.
func (d *demo) callClusters(ctx context.Context, clusters []*digitaloceantest.Cluster) error {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	clientGo := client{name: "client-go", args: []string{executable, clientCommand}, tells: true}
	path, absent := d.findKubectl(ctx)
	kubectl := client{name: "kubectl", args: []string{path, "--kubeconfig", d.kubeconfig, "get", "--raw", "/version", "--context"}, absent: absent}

	fmt.Fprintf(d.out, "   "+callLine+"\n", "client", "context", "version", "authenticated by", "took", "minted so far")
	for _, cluster := range clusters {
		for _, step := range []call{
			{clientGo, "The credential is in the cache since the save; no call to the API."},
			{kubectl, "Another client: the same credential, from the cache; no call to the API."},
		} {
			if err := d.call(ctx, step, cluster); err != nil {
				return err
			}
		}
	}
	return nil
}

// credentialOf returns what a cluster's credentials are, as the cluster calls it.
func credentialOf(c *digitaloceantest.Cluster) string {
	if c.Certificates {
		return "client certificate"
	}
	return "token"
}

// call takes a step, and checks that it went as its words say.
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
		return d.untrue("the client was authenticated by %q, not by %q", got.AuthenticatedBy, credentialOf(cluster))
	case mints != wantMints:
		return d.untrue("%d credentials were minted for the cluster, not %d", mints, wantMints)
	case d.api.Calls() != wantCalls:
		return d.untrue("the API got %d calls, not %d", d.api.Calls(), wantCalls)
	}
	d.say("%s", step.why)
	return nil
}

// useWrongAccessToken runs the plugin with an access token that isn't any, in the face of a cache
// that has a credential for the cluster.
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
		return d.untrue("the exit code is %d, not %d", r.exitCode, refusedByAPI)
	case r.stdout != "":
		return d.untrue("%d bytes are on standard output", len(r.stdout))
	case len(lines) != 3 || !strings.HasPrefix(lines[0], "doks-auth: ") || !strings.HasPrefix(lines[1], "hint: ") || lines[2] != "":
		return d.untrue("standard error isn't a line of error and one of hint")
	case d.api.Calls() != calls+1 || d.api.Mints(cluster.ID) != mints:
		return d.untrue("the API wasn't called once, in vain")
	}
	d.say("It can't open what another one has cached, so the API is asked, and refuses. One line says\n" +
		"what went wrong, one what to do; nothing is on standard output.")
	return nil
}

// untrue is the failure of the demo to be true.
func (d *demo) untrue(format string, args ...any) error {
	return fmt.Errorf("step %d is not as it should be: %s", d.steps, fmt.Sprintf(format, args...))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
