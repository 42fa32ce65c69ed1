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

// contextNames returns the names of a kubeconfig's contexts.
func contextNames(config *kubeconfig.Config) []string {
	var names []string
	for _, context := range config.Contexts {
		names = append(names, context.Name)
	}
	return names
}

// contextsCluster returns the id of the cluster that a context leads to, or "".
func contextsCluster(config *kubeconfig.Config, name string) string {
	context := config.Context(name)
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
	return string(id)
}
