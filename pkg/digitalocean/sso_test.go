package digitalocean_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

func TestSSOServer(t *testing.T) {
	api, cluster, client := newAPI(t, nil)
	cluster.SSO = digitaloceantest.SSO{Enabled: true, IssuerURL: "https://sso.example.com", ClientID: "doks"}
	id := digitalocean.ClusterID(cluster.ID)
	server, authority, err := client.SSOServer(t.Context(), id)
	if err != nil || server != cluster.Server || !bytes.Equal(authority, cluster.CA()) {
		t.Errorf("got %q, %q, %v; want %q and the cluster's authority", server, authority, err, cluster.Server)
	}
	if mints := api.Mints(cluster.ID); mints != 0 {
		t.Errorf("got %d mints, want none", mints)
	}

	ca := base64.StdEncoding.EncodeToString(cluster.CA())
	kubeconfig := func(server, ca string) string {
		return fmt.Sprintf("clusters:\n- cluster: {server: %q, certificate-authority-data: %q}\n", server, ca)
	}
	const secret = "hunter2hunter2"
	tests := map[string]struct {
		answer string
		want   string
	}{
		"nothing":        {"", "it is a kubeconfig of 0 clusters"},
		"HTML":           {"<html>" + secret, "it is not a kubeconfig"},
		"not YAML":       {"clusters: [" + secret, "it is not a kubeconfig"},
		"wrong types":    {"clusters: " + secret, "it is not a kubeconfig"},
		"two clusters":   {kubeconfig("https://a.example", ca) + "- cluster: {}\n", "it is a kubeconfig of 2 clusters"},
		"no server":      {kubeconfig("", ca), "it names no server"},
		"clear text":     {kubeconfig("http://a.example", ca), "its server is not a plain https address"},
		"userinfo":       {kubeconfig("https://"+secret+"@a.example", ca), "its server is not a plain https address"},
		"no authority":   {kubeconfig("https://a.example", ""), "it names no certificate authority"},
		"not base64":     {kubeconfig("https://a.example", secret+"!"), "its certificate data is not base64"},
		"no certificate": {kubeconfig("https://a.example", "aHVudGVyMg=="), "its certificate authority can't be used"},
		"too large":      {strings.Repeat("# "+secret+"\n", 1<<17), "it is too large"},
	}
	for name, test := range tests {
		api.SetKubeconfigFault(digitaloceantest.Answer(http.StatusOK, "application/yaml", test.answer))
		_, _, err := client.SSOServer(t.Context(), id)
		if credential.ClassOf(err) != credential.Unusable || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an unusable answer: %s", name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v, which quotes the answer", name, err)
		}
	}
}
