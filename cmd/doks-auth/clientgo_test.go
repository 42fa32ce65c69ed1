package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// newClient returns a client-go client for a cluster, which gets its credential from the plugin.
func newClient(t *testing.T, cluster *digitaloceantest.Cluster, apiURL string) *http.Client {
	t.Helper()
	exec := &clientcmdapi.ExecConfig{
		APIVersion:         "client.authentication.k8s.io/v1",
		Command:            os.Args[0],
		Args:               []string{"exec-credential", cluster.ID},
		ProvideClusterInfo: true,
		InteractiveMode:    clientcmdapi.NeverExecInteractiveMode,
	}
	for _, variable := range newPlugin(t, apiURL).env {
		name, value, _ := strings.Cut(variable, "=")
		exec.Env = append(exec.Env, clientcmdapi.ExecEnvVar{Name: name, Value: value})
	}
	client, err := rest.HTTPClientFor(&rest.Config{
		Host:            cluster.Server,
		TLSClientConfig: rest.TLSClientConfig{CAData: cluster.CA()},
		ExecProvider:    exec,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// serve starts a cluster's API server and makes its address the cluster's server.
func serve(t *testing.T, api *digitaloceantest.API, cluster *digitaloceantest.Cluster) {
	t.Helper()
	if err := cluster.Serve(api); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close() })
	cluster.Server = "https://" + cluster.Addr()
	api.AddCluster(cluster) // again, with the new address
}

// ask gets a cluster's version and returns how the request was authenticated.
func ask(client *http.Client, cluster *digitaloceantest.Cluster) (authenticatedBy string, err error) {
	response, err := client.Get(cluster.Server + "/version")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return response.Header.Get("X-Authenticated-By"), err
}

func TestClientGo(t *testing.T) {
	api, url, token, cert := newAPI(t)
	serve(t, api, token)
	serve(t, api, cert)
	for want, cluster := range map[string]*digitaloceantest.Cluster{"token": token, "client certificate": cert} {
		client := newClient(t, cluster, url)
		for range 3 {
			if got, err := ask(client, cluster); err != nil || got != want {
				t.Errorf("got a request authenticated by %q, %v; want %q", got, err, want)
			}
		}
		if mints := api.Mints(cluster.ID); mints != 1 {
			t.Errorf("got %d mints, want 1", mints)
		}
	}
}

// client-go gets a new credential after expirationTimestamp, and no request is refused. When
// a certificate changes, client-go closes its connections, which fails requests in progress. That is
// client-go's behavior, so the test repeats such a request once.
func TestClientGoRenews(t *testing.T) {
	tests := map[string]struct {
		certificates bool
		want         string
	}{
		"token":       {false, "token"},
		"certificate": {true, "client certificate"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, url, token, cert := newAPI(t)
			cluster := token
			if test.certificates {
				cluster = cert
			}
			api.Expiry, cluster.CertificateExpiry = 5*time.Second, 5*time.Second
			serve(t, api, cluster)
			client := newClient(t, cluster, url)
			giveUp := time.Now().Add(hung)
			for api.Mints(cluster.ID) < 3 {
				got, err := ask(client, cluster)
				if err != nil && test.certificates {
					got, err = ask(client, cluster)
				}
				if err != nil || got != test.want {
					t.Fatalf("got a request authenticated by %q, %v; want %q", got, err, test.want)
				}
				if time.Now().After(giveUp) {
					t.Fatalf("got %d mints after %s, want 3", api.Mints(cluster.ID), hung)
				}
				time.Sleep(10 * time.Millisecond)
			}
			if _, refused := cluster.Requests(); refused > 0 {
				t.Errorf("got %d refused requests, want none", refused)
			}
		})
	}
}
