package main

import (
	"context"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// saveClusters writes the kubeconfig with the plugin.
func (d *demo) saveClusters(ctx context.Context, clusters []*digitaloceantest.Cluster) error {
	for _, cluster := range clusters {
		r, err := d.output(ctx, d.plugin, "kubeconfig", "save", cluster.Name, "--alias="+cluster.Name)
		if err != nil {
			return err
		}
		d.begin("doks-auth kubeconfig save %s --alias=%s", cluster.Name, cluster.Name)
		d.say("%s", indent(strings.TrimRight(r.stdout, "\n"), "  "))
		if mints := d.api.Mints(cluster.ID); mints != 1 {
			return d.untrue("got %d minted credentials for the cluster, want 1", mints)
		}
	}
	d.say("This fetched each cluster's credential, for its server and certificate authority, and cached it.")
	return nil
}

// examine runs the plugin's doctor, which must find nothing wrong.
func (d *demo) examine(ctx context.Context, cluster *digitaloceantest.Cluster) error {
	calls, mints := d.api.Calls(), d.api.Mints(cluster.ID)
	r, err := d.output(ctx, d.plugin, "doctor", cluster.Name)
	if err != nil {
		return err
	}
	d.begin("doks-auth doctor %s", cluster.Name)
	d.say("%s", indent(strings.TrimRight(r.stdout, "\n"), "  "))
	switch {
	case strings.Contains(r.stdout, "failure") || strings.Contains(r.stdout, "warning"):
		return d.untrue("got warnings or failures, want none")
	case d.api.Calls() != calls+1 || d.api.Mints(cluster.ID) != mints:
		return d.untrue("got %d API calls and %d minted credentials, want 1 and 0",
			d.api.Calls()-calls, d.api.Mints(cluster.ID)-mints)
	}
	return nil
}

// revoke removes what is cached, and revokes the token.
func (d *demo) revoke(ctx context.Context, tokens *digitaloceantest.Cluster) error {
	before := d.api.Tokens(tokens.ID)
	r, err := d.output(ctx, d.plugin, "cache", "clear", "--all", "--revoke")
	if err != nil {
		return err
	}
	d.begin("doks-auth cache clear --all --revoke")
	d.say("%s", indent(strings.TrimRight(r.stdout, "\n"), "  "))
	if after := d.api.Tokens(tokens.ID); before != 1 || after != 0 {
		return d.untrue("the cluster accepted %d tokens before and %d after, want 1 and 0", before, after)
	}
	d.say("No cluster accepts a token now.")
	return nil
}
