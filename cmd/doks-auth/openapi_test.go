package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/hack/openapitest"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// The cluster in the OpenAPI document's examples has the same ID.
const (
	documentedCluster = certCluster
	documentedServer  = "https://" + documentedCluster + ".k8s.ondigitalocean.com"
)

// documented returns a Fault that answers as the OpenAPI document does. The answer is checked, too.
func documented(contentType, body string) digitaloceantest.Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ func() map[string]any) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, body)
	}
}

// newDocumented starts an API that answers with the OpenAPI document's examples.
func newDocumented(t *testing.T) (plugin, *openapitest.Document, *digitaloceantest.API, *digitaloceantest.Cluster) {
	t.Helper()
	const json = "application/json"
	document := openapitest.Open(t)
	api, url, _, cluster := newAPI(t)
	all := documented(json, document.Example(t, "kubernetes_clusters_all"))
	one := documented(json, document.Example(t, "kubernetes_single"))
	api.SetClustersFault(func(w http.ResponseWriter, r *http.Request, answer func() map[string]any) {
		if strings.HasSuffix(r.URL.Path, documentedCluster) {
			one(w, r, answer)
		} else {
			all(w, r, answer)
		}
	})
	api.SetFault(documented(json, document.ExampleOf(t, "credentials")))
	api.SetAccountFault(documented(json, fmt.Sprintf(`{"account":%s}`, document.ExampleOf(t, "account"))))
	kubeconfig := document.ExampleAnswer(t, "kubeconfig", "application/yaml")
	api.SetKubeconfigFault(documented("application/yaml", kubeconfig))
	p := newPlugin(t, url)
	p.env = append(p.env, noKeyring)
	return p, document, api, cluster
}

// prints fails unless a run succeeds and prints the text.
func (p plugin) prints(t *testing.T, want string, args ...string) {
	t.Helper()
	got := p.run(t, nil, args...)
	if diff := cmp.Diff(want, got.stdout); got.code != 0 || diff != "" {
		t.Errorf("%q: got exit code %d, %s; want 0 and (-want +got):\n%s", args, got.code, got.stderr, diff)
	}
}

func TestDocumentedClusters(t *testing.T) {
	p, _, _, _ := newDocumented(t)
	p.prints(t, ""+
		"NAME              REGION   STATUS         CONTEXT   CACHED\n"+
		"prod-cluster-01   nyc1     provisioning   -         no\n", "cluster", "list")
	p.prints(t, `[
    {
        "id": "bd5f5959-5e1e-4205-a714-a914373942af",
        "name": "prod-cluster-01",
        "region": "nyc1",
        "version": "1.18.6-do.0",
        "state": "provisioning",
        "endpoint": "https://bd5f5959-5e1e-4205-a714-a914373942af.k8s.ondigitalocean.com",
        "sso": {
            "enabled": true,
            "required": false,
            "issuer_url": "https://sso.example.com",
            "client_id": "doks-cluster-client"
        },
        "contexts": [],
        "cached": false,
        "current": false
    }
]
`, "cluster", "list", "-o", "json")
}

// The credentials in the document expired in 2019, and what they have as the authority's certificate can't be parsed,
// so that no cluster could be called with them. Each is refused, and nothing is written. With both replaced, everything
// else is used as it is.
func TestDocumentedCredentials(t *testing.T) {
	p, document, api, cluster := newDocumented(t)
	var credentials map[string]any
	if err := json.Unmarshal([]byte(document.ExampleOf(t, "credentials")), &credentials); err != nil {
		t.Fatal(err)
	}
	answer := func(changes map[string]any) {
		maps.Copy(credentials, changes)
		text, err := json.Marshal(credentials)
		if err != nil {
			t.Fatal(err)
		}
		api.SetFault(documented("application/json", string(text)))
	}
	commands := [][]string{
		{"credentials", documentedCluster},
		{"credentials", "prod-cluster-01"},
		{"kubeconfig", "show", documentedCluster},
		{"kubeconfig", "save", "prod-cluster-01"},
		{"exec-credential", "--api-version=v1", "--no-cache", documentedCluster}, // which remembers a failure
	}
	refused := func(why string) {
		t.Helper()
		for _, args := range commands {
			got := p.run(t, nil, args...)
			message, _, _ := strings.Cut(got.stderr, "\n")
			if got.code != 6 || got.stdout != "" || !strings.HasSuffix(message, " can't be used: "+why) {
				t.Errorf("%q: got %+v, want exit code 6 and %q", args, got, why)
			}
		}
		if _, err := os.Lstat(filepath.Join(p.dir, ".kube", "config")); !os.IsNotExist(err) {
			t.Errorf("got %v, want no kubeconfig", err)
		}
	}
	refused("it expired at 2019-11-09T11:50:28Z")
	ends := time.Now().UTC().Truncate(time.Second).Add(24 * time.Hour)
	answer(map[string]any{"expires_at": ends.Add(889080521).Format(time.RFC3339Nano)})
	refused("its certificate authority can't be used: it contains a certificate that can't be parsed")

	authority, err := json.Marshal(cluster.CA())
	if err != nil {
		t.Fatal(err)
	}
	answer(map[string]any{"certificate_authority_data": cluster.CA()})
	p.prints(t, fmt.Sprintf(`{
    "server": %q,
    "certificate_authority_data": %s,
    "client_certificate_data": null,
    "client_key_data": null,
    "token": "$DIGITALOCEAN_TOKEN",
    "expires_at": %q
}
`, documentedServer, authority, ends.Format(time.RFC3339)), "credentials", "prod-cluster-01")
	p.prints(t, fmt.Sprintf(`{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",`+
		`"spec":{"interactive":false},"status":{"expirationTimestamp":%q,"token":"$DIGITALOCEAN_TOKEN"}}`+"\n",
		ends.Add(-5*time.Minute).Format(time.RFC3339)), "exec-credential", "--api-version=v1", documentedCluster)
	p.prints(t, fmt.Sprintf(`saved context "do-nyc1-prod-cluster-01"
the current context is "do-nyc1-prod-cluster-01"
wrote %s
`, filepath.Join(p.dir, ".kube", "config")), "kubeconfig", "save", documentedCluster)
	want := fmt.Sprintf("    certificate-authority-data: %s\n    server: %s\n  name: do-nyc1-prod-cluster-01\n",
		strings.Trim(string(authority), `"`), documentedServer)
	if saved, err := os.ReadFile(filepath.Join(p.dir, ".kube", "config")); !strings.Contains(string(saved), want) {
		t.Errorf("got %s, %v; want %s", saved, err, want)
	}
}

// The kubeconfig in the document isn't usable either: its certificate-authority-data isn't base64.
func TestDocumentedKubeconfig(t *testing.T) {
	p, _, api, cluster := newDocumented(t)
	cluster.SSO.Enabled = true
	api.AddCluster(cluster) // again, for those who read it from now on
	got := p.run(t, nil, "kubeconfig", "save", "--sso", documentedCluster)
	if got.code != 6 || got.stdout != "" || !strings.Contains(got.stderr, "its certificate data is not base64\n") {
		t.Errorf("got %+v, want exit code 6 and that it isn't base64", got)
	}
}

func TestDocumentedAccount(t *testing.T) {
	p, _, _, _ := newDocumented(t)
	got := p.run(t, strings.NewReader(accessToken), "auth", "login", "--with-token", "--storage=file", "--name=sammy")
	want := "signed in as \"sammy@digitalocean.com\" (team \"My Team\")\nthe current login is \"sammy\"\n"
	if got.code != 0 || got.stdout != want {
		t.Errorf("got %+v, want exit code 0 and %q", got, want)
	}
}
