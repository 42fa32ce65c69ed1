package digitaloceantest

import (
	"encoding/base64"
	"net/http"

	"go.yaml.in/yaml/v3"
)

// SSO is a cluster's configuration of single sign-on. With none, its fields are empty.
type SSO struct {
	Enabled   bool
	Required  bool // the cluster accepts nothing else
	IssuerURL string
	ClientID  string
}

// resource returns the configuration in the API's form.
func (s SSO) resource() any {
	if s == (SSO{}) {
		return nil
	}
	return map[string]any{
		"enabled": s.Enabled, "required": s.Required, "issuer_url": s.IssuerURL, "client_id": s.ClientID,
	}
}

// kubeconfig answers with a kubeconfig for a cluster, or applies the current fault. A kubeconfig for single sign-on
// contains no credential, so the API mints none; any other contains one.
func (a *API) kubeconfig(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	fault := a.kubeconfigFault
	cluster := a.visible(r)
	exists := cluster != nil && cluster.hasCredentials()
	a.mu.Unlock()
	if !exists {
		writeError(w, http.StatusNotFound, "not_found", "The resource you requested could not be found.")
		return
	}
	kind := r.URL.Query().Get("type")
	if kind == "" && cluster.SSO.Enabled {
		kind = "sso"
	}
	var user func() map[string]any
	switch kind {
	case "", "token":
		expiry, ok := expiryOf(w, r)
		if !ok {
			return
		}
		user = func() map[string]any { return credentialUser(a.mint(cluster, expiry)) }
	case "sso":
		if !cluster.SSO.Enabled {
			writeError(w, http.StatusUnprocessableEntity, "unprocessable_entity", "SSO is not enabled for this cluster")
			return
		}
		user = cluster.ssoUser
	default:
		writeError(w, http.StatusUnprocessableEntity, "unprocessable_entity", "type is not valid")
		return
	}
	answer := func() map[string]any { return cluster.kubeconfig(user()) }
	if fault != nil {
		fault(w, r, answer)
		return
	}
	writeYAML(w, answer())
}

// kubeconfig returns a kubeconfig with a user's fields.
func (c *Cluster) kubeconfig(user map[string]any) map[string]any {
	name := "do-" + c.Region + "-" + c.Name
	return map[string]any{
		"apiVersion": "v1",
		"kind":       "Config",
		"clusters": []any{map[string]any{"name": name, "cluster": map[string]any{
			"server":                     c.Server,
			"certificate-authority-data": base64.StdEncoding.EncodeToString(c.CA()),
		}}},
		"contexts": []any{map[string]any{"name": name, "context": map[string]any{
			"cluster": name, "user": name + "-admin",
		}}},
		"current-context": name,
		"preferences":     map[string]any{},
		"users":           []any{map[string]any{"name": name + "-admin", "user": user}},
	}
}

// credentialUser returns the fields of a user who has a credential, which is in the form that mint returns.
func credentialUser(minted map[string]any) map[string]any {
	if minted["client_certificate_data"] == nil {
		return map[string]any{"token": minted["token"]}
	}
	return map[string]any{
		"client-certificate-data": minted["client_certificate_data"], "client-key-data": minted["client_key_data"],
	}
}

// ssoUser returns the fields of a user who signs in with doctl.
func (c *Cluster) ssoUser() map[string]any {
	return map[string]any{"exec": map[string]any{
		"apiVersion": "client.authentication.k8s.io/v1beta1",
		"command":    "doctl",
		"args": []string{
			"kubernetes", "cluster", "kubeconfig", "exec-credential", "--version=v1beta1",
			"--sso-issuer-url", c.SSO.IssuerURL, "--sso-client-id", c.SSO.ClientID, c.ID,
		},
		"env":                nil,
		"interactiveMode":    "IfAvailable",
		"provideClusterInfo": false,
	}}
}

// SetKubeconfigFault makes calls for a kubeconfig answer with f; nil restores normal answers. f's mint argument
// returns the kubeconfig; a fault that changes it answers with JSON, which is YAML, too.
func (a *API) SetKubeconfigFault(f Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kubeconfigFault = f
}

func writeYAML(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/yaml")
	w.WriteHeader(http.StatusOK)
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	encoder.Encode(v)
	encoder.Close()
}
