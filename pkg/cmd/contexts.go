package cmd

import "github.com/doks-auth/doks-auth/pkg/digitalocean"

// contextsOf returns what tells the names of the kubeconfig's contexts that point to a cluster. None
// does as long as nothing reads the kubeconfig.
func (o *options) contextsOf() func(digitalocean.ClusterID) []string {
	return func(digitalocean.ClusterID) []string { return nil }
}
