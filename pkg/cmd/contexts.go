package cmd

import (
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

// contextsOf returns a function that returns the kubeconfig's contexts for a cluster. If the kubeconfig can't be
// read, there are none.
func (o *options) contextsOf() func(digitalocean.ClusterID) []string {
	config, err := kubeconfig.Read(kubeconfig.Paths("", o.Getenv, o.Home))
	if err != nil {
		o.log().Warn("the kubeconfig can't be read", "reason", err)
		config = new(kubeconfig.Config)
	}
	return func(id digitalocean.ClusterID) []string { return config.ContextsOf(string(id)) }
}
