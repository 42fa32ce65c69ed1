//go:build linux

package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/doks-auth/doks-auth/pkg/digitalocean/digitaloceantest"
)

// The clients that each provider has. A cluster accepts ID tokens for the first two.
const (
	ssoClient      = "doks"
	ssoShortClient = "doks-short" // its ID tokens are valid for ssoLifetime
	ssoOtherClient = "elsewhere"
)

const (
	ssoLifetime     = 15 * time.Second
	ssoGroupsPrefix = "team_role:" // of the groups that the API server makes of roles
)

// provider is an OpenID provider whose issuer is an https address of the loopback interface.
type provider struct {
	name   string
	issuer string
	daemon *daemon
	http   *http.Client // trusts the certificate

	// the clusters whose single sign-on is at the provider, by client
	clusters map[string]*digitaloceantest.Cluster
}

// providerCommands returns the commands that start the OpenID providers, by the providers' names.
func providerCommands() map[string][]string {
	return map[string][]string{
		"zitadel":       {binary("provider-go")},
		"oidc-provider": {"node", filepath.Join(binary("provider-node"), "main.js")},
		"stranger":      {binary("provider-go")},
	}
}

// trusted returns the names of the providers whose ID tokens the API server accepts.
func trusted() []string { return []string{"zitadel", "oidc-provider"} }

// startProviders starts the OpenID providers and adds a cluster for each client of those that the API server trusts.
func (w *world) startProviders() error {
	// An authority of ours, which clusters have anyway.
	authority, err := digitaloceantest.NewCluster("a7450000-0000-4000-8000-000000000000")
	if err != nil {
		return err
	}
	authority.Server = "https://localhost"
	certificate, key, err := authority.ServerCertificate()
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(pair.Leaf.RawSubjectPublicKeyInfo)
	w.providersCA, w.providersKeyPin = authority.CA(), base64.StdEncoding.EncodeToString(digest[:])
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.providersCA)
	certFile, keyFile := w.write("provider.crt", certificate), w.write("provider.key", key)
	w.providers = make(map[string]*provider)
	for name, command := range providerCommands() {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		p := &provider{name: name, issuer: "https://" + address, clusters: make(map[string]*digitaloceantest.Cluster)}
		p.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, Timeout: hung}
		args := append(command[1:], "--issuer="+p.issuer, "--cert="+certFile, "--key="+keyFile)
		if p.daemon, err = startCommand(w.dir, name, command[0], args...); err != nil {
			return err
		}
		w.providers[name] = p
	}
	for i, name := range trusted() {
		for j, client := range []string{ssoClient, ssoShortClient} {
			cluster, err := digitaloceantest.NewCluster(fmt.Sprintf("550c0000-0000-4000-8000-%012x", 2*i+j))
			if err != nil {
				return err
			}
			cluster.SSO = digitaloceantest.SSO{
				Enabled: true, Required: j == 0, IssuerURL: w.providers[name].issuer, ClientID: client,
			}
			w.providers[name].clusters[client] = cluster
			w.sso = append(w.sso, cluster)
		}
	}
	for _, p := range w.providers {
		if err := p.daemon.await(func() error { return p.setShortLifetime(ssoLifetime) }); err != nil {
			return err
		}
	}
	return nil
}

// authentication returns the API server's AuthenticationConfiguration
// (https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration).
func (w *world) authentication() ([]byte, error) {
	type object = map[string]any
	var issuers []any
	for _, name := range trusted() {
		issuers = append(issuers, object{
			"issuer": object{
				"url": w.providers[name].issuer, "certificateAuthority": string(w.providersCA),
				"audiences": []string{ssoClient, ssoShortClient}, "audienceMatchPolicy": "MatchAny",
			},
			"claimMappings": object{
				"username": object{"claim": "email", "prefix": ""},
				"groups":   object{"claim": "team_role", "prefix": ssoGroupsPrefix},
			},
		})
	}
	return json.Marshal(object{
		"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration", "jwt": issuers,
	})
}

// counts are what happened at a provider for a user.
type counts struct {
	SignIns     int `json:"sign_ins"`
	Refreshes   int `json:"refreshes"`
	Reuses      int `json:"reuses"` // of refresh tokens that were spent
	Revocations int `json:"revocations"`
	Logouts     int `json:"logouts"`
}

func (p *provider) counts(t *testing.T, login string) (c counts) {
	t.Helper()
	p.getJSON(t, p.issuer+"/counts?user="+url.QueryEscape(login), &c)
	return c
}

// put changes a setting of the provider.
func (p *provider) put(path string, query url.Values) error {
	request, err := http.NewRequest(http.MethodPut, p.issuer+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	response, err := p.http.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

// setShortLifetime changes how long ID tokens of ssoShortClient are valid.
func (p *provider) setShortLifetime(lifetime time.Duration) error {
	return p.put("/lifetime", url.Values{
		"client": {ssoShortClient}, "lifetime": {strconv.Itoa(int(lifetime.Seconds()))},
	})
}

// hideDevices makes the provider one without device codes, until the end of a test.
func (p *provider) hideDevices(t *testing.T) {
	t.Helper()
	set := func(offered string) {
		if err := p.put("/devices", url.Values{"offered": {offered}}); err != nil {
			t.Errorf("changing the provider: %v", err)
		}
	}
	set("false")
	t.Cleanup(func() { set("true") })
}

// getJSON decodes what is at an address of the provider.
func (p *provider) getJSON(t *testing.T, address string, into any) {
	t.Helper()
	response, err := p.http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: got %s, %v; want 200 and JSON", address, response.Status, err)
	}
}
