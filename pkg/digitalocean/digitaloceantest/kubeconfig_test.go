package digitaloceantest_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// kubeconfig is what the tests read of a kubeconfig.
type kubeconfig struct {
	CurrentContext string `yaml:"current-context"`
	Clusters       []struct {
		Name    string
		Cluster struct {
			Server string
			CA     string `yaml:"certificate-authority-data"`
		}
	}
	Contexts []struct {
		Name    string
		Context struct{ Cluster, User string }
	}
	Users []struct {
		Name string
		User struct {
			Token       string
			Certificate string `yaml:"client-certificate-data"`
			Key         string `yaml:"client-key-data"`
			Exec        struct {
				Command string
				Args    []string
			}
		}
	}
}

// kubeconfig fetches a cluster's kubeconfig, with a query.
func (w *world) kubeconfig(query string) (status int, config kubeconfig) {
	w.t.Helper()
	address := w.apiURL + clusterPath + "/kubeconfig" + query
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+staticToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		w.t.Fatalf("got %q, want YAML: %v", text, err)
	}
	return response.StatusCode, config
}

func TestKubeconfigType(t *testing.T) {
	company := digitaloceantest.SSO{Enabled: true, IssuerURL: "https://sso.example.com", ClientID: "doks-cluster-client"}
	required := company
	required.Required = true
	const none, token, certificate, exec = "", "token", "certificate", "exec"
	tests := []struct {
		name         string
		sso          digitaloceantest.SSO
		certificates bool
		query        string
		status       int
		want         string
	}{
		{"no SSO", digitaloceantest.SSO{}, false, "", http.StatusOK, token},
		{"no SSO, certificates", digitaloceantest.SSO{}, true, "", http.StatusOK, certificate},
		{"no SSO, token", digitaloceantest.SSO{}, false, "?type=token", http.StatusOK, token},
		{"no SSO, sso", digitaloceantest.SSO{}, false, "?type=sso", http.StatusUnprocessableEntity, none},
		{"disabled, sso", digitaloceantest.SSO{ClientID: "x"}, false, "?type=sso", http.StatusUnprocessableEntity, none},
		{"SSO", company, false, "", http.StatusOK, exec},
		{"SSO, sso", company, false, "?type=sso", http.StatusOK, exec},
		{"SSO, token", company, false, "?type=token", http.StatusOK, token},
		{"SSO required", required, false, "", http.StatusOK, exec},
		{"another type", company, false, "?type=other", http.StatusUnprocessableEntity, none},
		{"an odd expiry", company, false, "?type=token&expiry_seconds=x", http.StatusUnprocessableEntity, none},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, func(w *world) { w.cluster.SSO, w.cluster.Certificates = test.sso, test.certificates })
			status, config := w.kubeconfig(test.query)
			if status != test.status {
				t.Fatalf("got status %d, want %d", status, test.status)
			}
			mints := 0
			if test.want == token || test.want == certificate {
				mints = 1
			}
			if got := w.api.Mints(clusterID); got != mints {
				t.Errorf("got %d mints, want %d", got, mints)
			}
			if status != http.StatusOK {
				return
			}
			name := fmt.Sprintf("do-%s-%s", w.cluster.Region, w.cluster.Name)
			cluster, context, user := config.Clusters[0], config.Contexts[0], config.Users[0]
			if config.CurrentContext != name || cluster.Name != name || context.Name != name ||
				context.Context.Cluster != name || context.Context.User != user.Name {
				t.Errorf("got %+v, want entries that belong together, named %s", config, name)
			}
			if ca := base64.StdEncoding.EncodeToString(w.cluster.CA()); cluster.Cluster.Server != w.cluster.Server ||
				cluster.Cluster.CA != ca {
				t.Errorf("got cluster %+v, want server %s and its CA", cluster, w.cluster.Server)
			}
			got := none
			switch u := user.User; {
			case w.api.Accepts(clusterID, u.Token):
				got = token
			case u.Certificate != "" && u.Key != "":
				got = certificate
			case u.Exec.Command == "doctl":
				got = exec
				want := []string{"--sso-issuer-url", test.sso.IssuerURL, "--sso-client-id", test.sso.ClientID, clusterID}
				if args := u.Exec.Args; len(args) < 5 || !slices.Equal(args[len(args)-5:], want) {
					t.Errorf("got args %q, want them to end with %q", args, want)
				}
			}
			if got != test.want {
				t.Errorf("got %+v, want a user with the kind %q", user, test.want)
			}
		})
	}
}

// Who may see the cluster but not access it gets no kubeconfig; faults apply to kubeconfigs only.
func TestKubeconfigRefused(t *testing.T) {
	w := newWorld(t, nil)
	const path = clusterPath + "/kubeconfig"
	w.api.SetScopes("dop_v1_reader", digitaloceantest.ScopeClusters)
	w.wantStatus(path, "dop_v1_reader", http.StatusForbidden)
	w.wantStatus(strings.Replace(path, "8d", "9d", 1), staticToken, http.StatusNotFound)
	w.api.SetKubeconfigFault(digitaloceantest.Status(http.StatusServiceUnavailable))
	w.wantStatus(path, staticToken, http.StatusServiceUnavailable)
	w.wantStatus(credentialsPath, staticToken, http.StatusOK)
	w.api.SetKubeconfigFault(digitaloceantest.Change(map[string]any{"clusters": nil}))
	if status, config := w.kubeconfig(""); status != http.StatusOK || len(config.Clusters) != 0 || len(config.Users) != 1 {
		t.Errorf("got %d %+v, want a kubeconfig without clusters", status, config)
	}
	w.api.SetKubeconfigFault(nil)
	w.api.SetState(clusterID, "provisioning")
	w.wantStatus(path, staticToken, http.StatusNotFound)
}

func TestClusterWithSSO(t *testing.T) {
	w := newWorld(t, nil)
	sso := func() any {
		t.Helper()
		status, answer := w.get(clusterPath, staticToken)
		cluster, _ := answer["kubernetes_cluster"].(map[string]any)
		value, present := cluster["sso"]
		if status != http.StatusOK || !present {
			t.Fatalf("got %d %v, want a cluster with the field sso", status, answer)
		}
		return value
	}
	if got := sso(); got != nil {
		t.Errorf("got %v, want null", got)
	}
	with, err := digitaloceantest.NewCluster(clusterID)
	if err != nil {
		t.Fatal(err)
	}
	with.SSO = digitaloceantest.SSO{Enabled: true, Required: true, IssuerURL: "https://sso.example.com", ClientID: "doks"}
	w.api.AddCluster(with)
	want := "map[client_id:doks enabled:true issuer_url:https://sso.example.com required:true]"
	if got := fmt.Sprint(sso()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
