package digitalocean

import (
	"cmp"
	"context"
	"encoding/base64"
	"io"

	"go.yaml.in/yaml/v3"
)

// SSO is a cluster's single sign-on at an OpenID provider. It is zero if the cluster has none.
type SSO struct {
	Enabled   bool   `json:"enabled"`
	Required  bool   `json:"required"` // the cluster accepts nothing else
	IssuerURL string `json:"issuer_url"`
	ClientID  string `json:"client_id"`
}

func (s SSO) check() error {
	return cmp.Or(checkText("sso.issuer_url", s.IssuerURL), checkText("sso.client_id", s.ClientID))
}

// SSOServer returns the server and the certificate authority of a cluster that has single sign-on, from the kubeconfig
// that the API has for that. It mints nothing. The access token needs the scope kubernetes:access_cluster
// (https://docs.digitalocean.com/reference/api/reference/kubernetes/#kubernetes_get_kubeconfig).
func (c *Client) SSOServer(ctx context.Context, id ClusterID) (server string, authority []byte, err error) {
	path := clustersPath + "/" + string(id) + "/kubeconfig?type=sso"
	_, err = c.get(ctx, path, scopeCredentials, func(body io.Reader) error {
		server, authority, err = decodeKubeconfig(body)
		return err
	})
	if err != nil {
		return "", nil, err
	}
	if err := cmp.Or(checkServer(server), checkAuthority(authority)); err != nil {
		return "", nil, c.unusable(err, 0)
	}
	return server, authority, nil
}

// decodeKubeconfig returns the server and the certificate authority in a kubeconfig of one cluster.
func decodeKubeconfig(r io.Reader) (server string, authority []byte, err error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return "", nil, decoding(err)
	}
	var kubeconfig struct {
		Clusters []struct {
			Cluster struct {
				Server    string `yaml:"server"`
				Authority string `yaml:"certificate-authority-data"`
			} `yaml:"cluster"`
		} `yaml:"clusters"`
	}
	if yaml.Unmarshal(text, &kubeconfig) != nil { // the cause could quote it
		return "", nil, undecodable("it is not a kubeconfig")
	}
	if n := len(kubeconfig.Clusters); n != 1 {
		return "", nil, undecodable("it is a kubeconfig of %d clusters", n)
	}
	cluster := kubeconfig.Clusters[0].Cluster
	authority, err = base64.StdEncoding.DecodeString(cluster.Authority)
	if err != nil {
		return "", nil, decoding(err)
	}
	return cluster.Server, authority, nil
}
