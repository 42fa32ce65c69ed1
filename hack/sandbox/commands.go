package main

import (
	"context"
	"strings"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// saveClusters has the plugin write the kubeconfig.
func (d *demo) saveClusters(ctx context.Context, clusters []*digitaloceantest.Cluster) error {
	for _, cluster := range clusters {
		r, err := d.output(ctx, d.plugin, "kubeconfig", "save", cluster.Name, "--alias="+cluster.Name)
		if err != nil {
			return err
		}
		d.begin("doks-auth kubeconfig save %s --alias=%s", cluster.Name, cluster.Name)
		d.say("%s", indent(strings.TrimRight(r.stdout, "\n"), "  "))
		if mints := d.api.Mints(cluster.ID); mints != 1 {
			return d.untrue("%d credentials were minted for the cluster, not one", mints)
		}
	}
	d.say("For its server and certificate authority each cluster's credential was fetched, and is cached.")
	return nil
}

// examine has the plugin look for what is wrong. There is nothing.
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
		return d.untrue("something is wrong")
	case d.api.Calls() != calls+1 || d.api.Mints(cluster.ID) != mints:
		return d.untrue("the API wasn't called just to see whether it answers")
	}
	return nil
}
