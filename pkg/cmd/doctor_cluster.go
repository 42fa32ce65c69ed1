package cmd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
	"github.com/doks-auth/doks-auth/pkg/internal/shellword"
)

// checkCluster connects to a cluster's API server, as a client with the kubeconfig would.
func (d *doctor) checkCluster(ctx context.Context) []finding {
	const check = "cluster"
	target, entry, found := d.target(ctx, d.config, d.args)
	if target.id == "" {
		return found
	}
	by := &execCredential{options: d.options}
	if entry != nil {
		parsed, named, err := d.parseEntry(entry)
		if err != nil {
			return append(found, failuref(check, saveHint, "the user's args in the kubeconfig are invalid: %v", err))
		}
		by = parsed
		if len(named) == 1 { // a cluster in the user's args takes precedence
			target.id, _ = digitalocean.ParseClusterID(named[0])
		}
		if f := d.checkAddress(parsed); f != nil {
			return append(found, *f)
		}
	}
	by.fetch.ignoreFailures = true
	account, err := by.account()
	if err != nil {
		return append(found, failure(check, getting(target.id, err)))
	}
	got, err := account.credential(ctx, target.id, by.fetch)
	if err != nil {
		return append(found, failure(check, err))
	}
	found = append(found, ok(check, "%s: credential valid until %s", target.id, expiry(got)))
	if target.cluster != nil && !by.skipServerCheck {
		found = append(found, checkTarget(got, target.cluster)...)
	}
	return append(found, askServer(ctx, target.id, got, target.cluster))
}

// checkAddress returns a failure if the kubeconfig's entry sends the access token to another API than our own
// options do: that may be anybody's.
func (d *doctor) checkAddress(entry *execCredential) *finding {
	theirs, err := entry.accessToken()
	if err != nil {
		return nil // getting the credential will report it
	}
	own, _ := d.accessToken()
	address := entry.apiAddress(theirs)
	if address == d.apiAddress(own) {
		return nil
	}
	shown := shownURL(address)
	word := "ADDRESS"
	if shown == address {
		word = shellword.Quote(address, word)
	}
	hint := "if it is yours, run " + shellword.Command("doks-auth doctor --api-url="+word) +
		"; otherwise don't use this kubeconfig"
	f := failuref("cluster", hint, "the kubeconfig sends the access token to %s", shown)
	return &f
}

// checkTarget reports each way in which a cluster entry lets somebody other than the cluster answer.
func checkTarget(got credential.Credential, cluster *kubeconfig.Cluster) []finding {
	const check = "cluster"
	var found []finding
	authority, err := cluster.Authority()
	if err != nil {
		found = append(found, failuref(check, saveHint, "the cluster entry %q: %v", cluster.Name, err))
	}
	for _, target := range []credential.Target{
		{Server: cluster.Server},
		{Server: got.Server, InsecureSkipTLSVerify: cluster.InsecureSkipTLSVerify},
		{Server: got.Server, TLSServerName: cluster.TLSServerName},
		{Server: got.Server, CertificateAuthority: authority},
	} {
		err := got.CheckTarget(target)
		if err == nil {
			continue
		}
		f := failure(check, err)
		if errors.Is(err, credential.ErrAuthority) {
			f.Message = credential.ErrAuthority.Error()
		}
		found = append(found, f)
	}
	return found
}

// target is the cluster that is checked.
type target struct {
	id      digitalocean.ClusterID
	cluster *kubeconfig.Cluster // its entry in the kubeconfig, or nil
}

// target returns the cluster that the argument or the current context names, and how a client runs doks-auth
// for it, or nil.
func (d *doctor) target(
	ctx context.Context, config *kubeconfig.Config, args []string,
) (target, *kubeconfig.Exec, []finding) {
	const check, nameOne = "cluster", "name a cluster: 'doks-auth doctor CLUSTER'"
	var t target
	name := contextName(config, args)
	if name == "" && len(args) > 0 {
		ids, err := d.clusterIDs(ctx, args)
		if err != nil {
			return t, nil, []finding{failure(check, err)}
		}
		save := shellword.Command("doks-auth kubeconfig save " + shellword.Quote(args[0], "CLUSTER"))
		return target{id: ids[0]}, nil, []finding{warning(check, save+" adds one",
			"no context in the kubeconfig points to cluster %q", ids[0])}
	}
	if name == "" {
		return t, nil, []finding{warning(check, nameOne, "not checked: there is no current context")}
	}
	context := config.Context(name)
	if context == nil {
		return t, nil, []finding{failuref(check, "'kubectl config use-context NAME' chooses another",
			"the current context %q isn't in the kubeconfig", name)}
	}
	t.cluster = config.Cluster(context.Cluster)
	if t.cluster == nil {
		return t, nil, []finding{failuref(check, saveHint,
			"the context %q refers to the cluster entry %q, which doesn't exist", name, context.Cluster)}
	}
	id, err := digitalocean.ParseClusterID(config.IDOf(t.cluster))
	if err != nil {
		return target{}, nil, []finding{warning(check, nameOne,
			"not checked: the context %q doesn't appear to be for DigitalOcean Kubernetes", name)}
	}
	t.id = id
	user := config.User(context.User)
	switch {
	case user == nil:
		return target{}, nil, []finding{failuref(check, saveHint,
			"the context %q refers to the user %q, which doesn't exist", name, context.User)}
	case user.Exec.IsOurs() && user.Exec.Program() == "doctl":
		return t, nil, nil // checkEntries has reported it
	case !user.Exec.IsOurs():
		return t, nil, []finding{warning(check, saveHint,
			"the context %q refers to the user %q, which doesn't run doks-auth", name, user.Name)}
	}
	return t, user.Exec, nil
}

// contextName returns the name of the context that is checked, or "".
func contextName(config *kubeconfig.Config, args []string) string {
	if len(args) == 0 {
		return config.CurrentContext
	}
	return config.ContextFor(args[0])
}

// entryOf returns how clients run this program for the context that is checked, or nil if they don't.
func (d *doctor) entryOf(config *kubeconfig.Config, args []string) *kubeconfig.Exec {
	context := config.Context(contextName(config, args))
	if context == nil {
		return nil
	}
	user := config.User(context.User)
	if user == nil || !user.Exec.IsOurs() || user.Exec.Program() == "doctl" {
		return nil
	}
	return user.Exec
}

func expiry(c credential.Credential) string {
	if c.ExpiresAt.IsZero() {
		return "an unknown time"
	}
	return c.ExpiresAt.UTC().Format(time.RFC3339)
}

// askServer asks the API server for its version. It goes to the server that the API names, and trusts only the
// certificate authority that the API names, but uses the kubeconfig's proxy.
func askServer(
	ctx context.Context, id digitalocean.ClusterID, c credential.Credential, entry *kubeconfig.Cluster,
) finding {
	const check = "api server"
	server := strings.TrimRight(c.Server, "/")
	shown := shownURL(server)
	if !strings.HasPrefix(server, "https://") {
		return failuref(check, "", "the API names %s as the cluster's server, which isn't https", shown)
	}
	named, proxy := envProxy()
	if entry != nil && entry.ProxyURL != "" {
		named, proxy = "the cluster's proxy-url", entry.ProxyURL
	}
	if proxy != "" && shownProxy(proxy) == "" {
		return failuref(check, proxyHint,
			"%s wasn't called, because %s isn't of the form scheme://host:port", shown, named)
	}
	client, err := serverClient(c, entry)
	if err != nil {
		return failure(check, err)
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/version", nil)
	if err != nil {
		return failure(check, err)
	}
	if !c.Token.IsZero() {
		request.Header.Set("Authorization", "Bearer "+c.Token.Reveal())
	}
	start := time.Now()
	response, err := client.Do(request)
	if err != nil {
		if wrapper, ok := errors.AsType[*url.Error](err); ok {
			err = wrapper.Err
		}
		if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "proxyconnect" {
			return failuref(check, "check HTTPS_PROXY, or the cluster's proxy-url in the kubeconfig",
				"the proxy to %s doesn't answer: %v", shown, err)
		}
		return failuref(check, "check that the cluster is running, and that its firewall lets this machine in; "+
			"behind a proxy, set HTTPS_PROXY", "%s doesn't answer: %v", shown, err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		hint := "it may have been revoked: 'doks-auth cache clear " + string(id) + "' makes the next run fetch a new one"
		return failuref(check, hint, "%s refuses the credential", shown)
	default:
		return failuref(check, "", "%s answers with status %d", shown, response.StatusCode)
	}
	var said struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&said); err != nil {
		return failuref(check, "something other than the cluster may have answered",
			"%s answers, but not with its version", shown)
	}
	version := []rune(said.GitVersion)
	version = version[:min(len(version), 40)] // a server may return anything
	took := time.Since(start).Round(time.Millisecond)
	return ok(check, "%s answers, after %s: Kubernetes %s", shown, took, string(version))
}

// serverClient returns a client for the API server, with the kubeconfig's proxy and the credential's certificates.
func serverClient(c credential.Credential, entry *kubeconfig.Cluster) (*http.Client, error) {
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(c.CertificateAuthority) {
		return nil, errors.New("the API returned no readable certificate authority")
	}
	if c.Token.IsZero() {
		pair, err := tls.X509KeyPair(c.ClientCertificate, []byte(c.ClientKey.Reveal()))
		if err != nil {
			return nil, errors.New("the client certificate can't be used")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment}
	if entry != nil && entry.ProxyURL != "" {
		proxy, err := url.Parse(entry.ProxyURL)
		if err != nil {
			return nil, errors.New("the proxy-url in the kubeconfig isn't a URL")
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, CheckRedirect: noRedirects}, nil
}
