package digitalocean_test

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// An unusable answer is an error of class Unusable that explains the problem and shows none of the answer.
func TestUnusableCredentials(t *testing.T) {
	const (
		notHTTPS = "its server is not a plain https address: "
		notShown = "(not shown: it is not of the form https://host:port)"
	)
	tests := map[string]string{ // by fault
		"no-server": "it names no server", "no-server-field": "it names no server",
		"server-http":     notHTTPS + `"http://cluster.example"`,
		"server-file":     notHTTPS + notShown,
		"server-blank":    notHTTPS + notShown,
		"server-bare":     notHTTPS + `"cluster.example"`,
		"server-port":     notHTTPS + `"https://cluster.example:99999"`,
		"server-userinfo": notHTTPS + `"https://cluster.example"`,
		"server-unicode":  notHTTPS + notShown,
		"server-long":     `its field "server" is too long`,
		"server-number":   `its field "server" is of the wrong type`,

		"ca-empty": "it names no certificate authority", "no-ca-field": "it names no certificate authority",
		"ca-text":    "its certificate authority can't be used: it contains no certificate or a broken one",
		"ca-broken":  "its certificate authority can't be used: it contains no certificate or a broken one",
		"ca-key":     "its certificate authority can't be used: it contains something other than certificates",
		"ca-number":  `its field "certificate_authority_data" is of the wrong type`,
		"bad-base64": "its certificate data is not base64",
		"not-utf8":   "its certificate authority can't be used: it is not PEM text",

		"expires-number":   "invalid expires_at",
		"expires-empty":    "invalid expires_at",
		"expires-garbage":  "invalid expires_at",
		"expires-object":   "invalid expires_at",
		"expires-far-past": "it expired at ",
		"token-number":     `its field "token" is of the wrong type`,

		"array": "it is not a JSON object",
		"two":   "it is not JSON", "deep": "it is not JSON", "html": "it is not JSON",
		"null": "neither a token nor a client certificate", "empty": "neither a token nor a client certificate",
		"truncated": "it is truncated",
		"huge":      "it is too large",
	}
	for name, says := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, _, client := newAPI(t, nil)
			api.SetFault(digitaloceantest.Named()[name])
			_, err := fetch(t, client, 0)
			checkUnusable(t, err, says)
			if got := api.Calls(); got != 1 {
				t.Errorf("got %d calls, want 1", got)
			}
		})
	}
}

// checkUnusable fails the test unless err has class Unusable, contains says, and shows none of the answer.
func checkUnusable(t *testing.T, err error, says string) {
	t.Helper()
	if got := credential.ClassOf(err); got != credential.Unusable || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v of class %q, want %q of class %q", err, got, says, credential.Unusable)
	}
	if err != nil && strings.ContainsAny(strings.ReplaceAll(err.Error(), "hunter2", "\n"), "\n") {
		t.Errorf("got error %q, want one line that shows none of the answer", err)
	}
}

func TestServers(t *testing.T) {
	tests := map[string]bool{
		"https://id.k8s.ondigitalocean.com":       true,
		"https://id.k8s.ondigitalocean.com/":      true,
		"HTTPS://ID.k8s.ondigitalocean.com:6443":  true,
		"https://id.k8s.ondigitalocean.com./path": true,
		"https://127.0.0.1:6443":                  true,
		"https://[::1]:6443":                      true,
		"https://":                                false,
		"https:///path":                           false,
		"https://:443":                            false,
		"https://.":                               false,
		"https://-:443":                           false,
		"https://host:":                           false,
		"https://host:0":                          false,
		"https://host:65536":                      false,
		"https://host:port":                       false,
		"https://[::1":                            false,
		"https://[host]":                          false,
		"https://host?x":                          false,
		"https://host#x":                          false,
		`https://host\x`:                          false,
		"https://ho%73t":                          false,
		"https://host\n":                          false,
		" https://host":                           false,
		"https://host ":                           false,
		"https://host\u200b":                      false,
		"https://user@host":                       false,
		"ftp://host":                              false,
		"//host":                                  false,
		"host:443":                                false,
		"unix:///run/socket":                      false,
	}
	api, _, client := newAPI(t, nil)
	for server, want := range tests {
		api.SetFault(digitaloceantest.Change(map[string]any{"server": server}))
		got, err := fetch(t, client, 0)
		if (err == nil) != want || err == nil && got.Server != server {
			t.Errorf("%q: got %q, %v; want it accepted: %v", server, got.Server, err, want)
		}
		if err != nil {
			checkUnusable(t, err, "its server is not a plain https address: ")
		}
	}
}

// A certificate that accompanies a token is ignored, not even parsed.
func TestTokenWinsOverCertificate(t *testing.T) {
	api, _, client := newAPI(t, nil)
	const text = "aHVudGVyMgo="
	api.SetFault(digitaloceantest.Change(map[string]any{"client_certificate_data": text, "client_key_data": text}))
	got, err := fetch(t, client, 0)
	if err != nil || got.Token.IsZero() || len(got.ClientCertificate) > 0 || !got.ClientKey.IsZero() {
		t.Errorf("got %+v, %v; want only the token", got, err)
	}
}

func TestCertificateAfterItsKey(t *testing.T) {
	api, cluster, client := newAPI(t, nil)
	cluster.Certificates, cluster.CertificateExpiry = true, time.Hour
	api.SetFault(digitaloceantest.Named()["key-first"])
	got, err := fetch(t, client, 0)
	if off := time.Until(got.ExpiresAt) - time.Hour; err != nil || off.Abs() > time.Minute {
		t.Errorf("got expiry %v, %v; want one in an hour", got.ExpiresAt, err)
	}
	// JSON would alter text that isn't UTF-8.
	api.SetFault(digitaloceantest.Named()["not-utf8"])
	_, err = fetch(t, client, 0)
	checkUnusable(t, err, "its client certificate and key are not a matching pair of PEM blocks")
}

// The examples from the API's documentation (https://docs.digitalocean.com/reference/api/digitalocean/), and
// variations of them.
func TestDocumentedAnswers(t *testing.T) {
	const id = "bd5f5959-5e1e-4205-a714-a914373942af"
	want := digitalocean.Cluster{
		ID: id, Name: "prod-cluster-01", Region: "nyc1", Version: "1.18.6-do.0", State: "provisioning",
		Endpoint: "https://bd5f5959-5e1e-4205-a714-a914373942af.k8s.ondigitalocean.com",
		SSO:      digitalocean.SSO{Enabled: true, IssuerURL: "https://sso.example.com", ClientID: "doks-cluster-client"},
	}
	list, one := read(t, "testdata/clusters.json"), read(t, "testdata/cluster.json")
	api, _, client := newAPI(t, nil)
	api.AddCluster(&digitaloceantest.Cluster{ID: id})
	changes := map[string][2]string{
		"as it is": {},
		"no sso":   {`"sso": {`, `"sso": null, "sso2": {`},
		"odd sso":  {`"sso": {`, `"sso": ["on"], "sso2": {`},
		"new":      {`"tags": [`, `"hibernates_at": {"never": []}, "tags": [`},
	}
	const json = "application/json"
	for name, change := range changes {
		want := want
		if strings.HasSuffix(name, "sso") {
			want.SSO = digitalocean.SSO{}
		}
		api.SetClustersFault(digitaloceantest.Answer(200, json, strings.ReplaceAll(list, change[0], change[1])))
		got, err := client.Clusters(t.Context())
		if diff := cmp.Diff([]digitalocean.Cluster{want}, got); err != nil || diff != "" {
			t.Errorf("%s: the list: got error %v, want none (-want +got):\n%s", name, err, diff)
		}
		api.SetClustersFault(digitaloceantest.Answer(200, json, strings.ReplaceAll(one, change[0], change[1])))
		single, err := client.Cluster(t.Context(), id)
		running := want
		running.State = "running"
		if diff := cmp.Diff(running, single); err != nil || diff != "" {
			t.Errorf("%s: one: got error %v, want none (-want +got):\n%s", name, err, diff)
		}
	}

	api, cluster, client := newAPI(t, func(o *digitalocean.Options) {
		o.Now = func() time.Time { return time.Date(2019, 11, 9, 11, 0, 0, 0, time.UTC) }
	})
	// The certificate authority in the documentation isn't a certificate.
	authority := base64.StdEncoding.EncodeToString(cluster.CA())
	example := strings.Replace(read(t, "testdata/credentials.json"), `"CA"`, `"`+authority+`"`, 1)
	api.SetFault(digitaloceantest.Answer(200, json, example))
	got, err := fetch(t, client, 0)
	ends := time.Date(2019, 11, 9, 11, 50, 28, 889080521, time.UTC)
	if err != nil || got.Server != want.Endpoint || !got.ExpiresAt.Equal(ends) {
		t.Errorf("got %+v, %v; want server %s and expiry %s", got, err, want.Endpoint, ends)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
