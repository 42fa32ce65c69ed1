package cmd

import (
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// knownConfig returns the kubeconfig that clients use. One that can't be read is empty.
func (o *options) knownConfig() *kubeconfig.Config {
	config, err := kubeconfig.Read(kubeconfig.Paths("", o.Getenv, o.Home))
	if err != nil {
		o.log().Warn("the kubeconfig can't be read", "reason", err)
		return new(kubeconfig.Config)
	}
	return config
}

// currentCluster returns the id of the current context's cluster, or "".
func currentCluster(config *kubeconfig.Config) digitalocean.ClusterID {
	context := config.Context(config.CurrentContext)
	if context == nil {
		return ""
	}
	cluster := config.Cluster(context.Cluster)
	if cluster == nil {
		return ""
	}
	id, err := digitalocean.ParseClusterID(config.IDOf(cluster))
	if err != nil {
		return ""
	}
	return id
}
