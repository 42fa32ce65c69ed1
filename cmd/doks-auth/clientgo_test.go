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

// newClient returns client-go's client of a cluster, which runs the plugin for its credential.
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

// serve makes a cluster listen, under the address that its certificate is also good for.
func serve(t *testing.T, api *digitaloceantest.API, cluster *digitaloceantest.Cluster) {
	t.Helper()
	if err := cluster.Serve(api); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close() })
	cluster.Server = "https://" + cluster.Addr()
	api.AddCluster(cluster) // again: the API sees the new address from here on
}

// ask asks a cluster for its version, and returns how the request was authenticated.
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
				t.Errorf("authenticated by %q, not %q; %v", got, want, err)
			}
		}
		if mints := api.Mints(cluster.ID); mints != 1 {
			t.Errorf("%d mints", mints)
		}
	}
}

// client-go gets a new credential after expirationTimestamp, and no request is refused meanwhile. When
// a certificate changes, client-go cuts its connections, and a request that is just using one fails
// with it: that is client-go's, and such a request is made again here, once.
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
					t.Fatalf("authenticated by %q, %v", got, err)
				}
				if time.Now().After(giveUp) {
					t.Fatal("the credential is not renewed")
				}
				time.Sleep(10 * time.Millisecond)
			}
			if _, refused := cluster.Requests(); refused > 0 {
				t.Errorf("%d requests were refused", refused)
			}
		})
	}
}
