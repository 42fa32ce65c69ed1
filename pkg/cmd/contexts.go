package cmd

import (
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// contextsOf returns what tells the names of the kubeconfig's contexts that lead to a cluster. Of a
// kubeconfig that can't be read none does.
func (o *options) contextsOf() func(digitalocean.ClusterID) []string {
	config, err := kubeconfig.Read(kubeconfig.Paths("", o.Getenv, o.Home))
	if err != nil {
		o.log().Warn("the kubeconfig can't be read", "reason", err)
		config = new(kubeconfig.Config)
	}
	return func(id digitalocean.ClusterID) []string { return config.ContextsOf(string(id)) }
}
