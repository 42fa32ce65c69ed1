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
	"github.com/doks-auth/doks-auth/pkg/internal/kubeconfig"
)

const checkServer = "api server"

// askServer asks a cluster's API server for its version, as a client with the kubeconfig's entry would: it goes to
// the server and through the proxy that the entry names, and trusts what the entry trusts. It gives the credential
// only to a server whose certificate is of the cluster's own authority. Without an entry it goes to the server that
// the API names. refused is what to do if the server refuses the credential.
func askServer(ctx context.Context, c credential.Credential, entry *kubeconfig.Cluster, refused string) finding {
	address := c.Server
	if entry != nil {
		address = entry.Server
	}
	server := strings.TrimRight(address, "/")
	shown := shownURL(server)
	if !strings.HasPrefix(server, "https://") {
		return failuref(checkServer, "", "%s wasn't called, because it isn't https", shown)
	}
	named, proxy := envProxy()
	if entry != nil && entry.ProxyURL != "" {
		named, proxy = "the cluster's proxy-url", entry.ProxyURL
	}
	if proxy != "" && shownProxy(proxy) == "" {
		return failuref(checkServer, proxyHint,
			"%s wasn't called, because %s isn't of the form scheme://host:port", shown, named)
	}
	client, isProven, err := serverClient(c, entry)
	if err != nil {
		return failure(checkServer, err)
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/version", nil)
	if err != nil {
		return failuref(checkServer, "fix the cluster's server in the kubeconfig", "%s isn't a URL", shown)
	}
	if isProven && !c.Token.IsZero() {
		request.Header.Set("Authorization", "Bearer "+c.Token.Reveal())
	}
	start := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return noAnswer(shown, err)
	}
	defer response.Body.Close()
	took := time.Since(start).Round(time.Millisecond)
	if !isProven {
		return ok(checkServer, "%s answers, after %s; it wasn't given the credential, because its certificate "+
			"isn't checked against the cluster's authority", shown, took)
	}
	return answered(shown, response, took, refused)
}

// noAnswer returns the finding that a failed request means. It shows the cause only if that can't quote what
// answered.
func noAnswer(shown string, err error) finding {
	const hint = "check that the cluster is running, and that its firewall lets this machine in; " +
		"behind a proxy, set HTTPS_PROXY"
	if wrapper, ok := errors.AsType[*url.Error](err); ok {
		err = wrapper.Err
	}
	network, isNetwork := errors.AsType[*net.OpError](err)
	_, isCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case isNetwork && network.Op == "proxyconnect":
		return failuref(checkServer, "check HTTPS_PROXY, or the cluster's proxy-url in the kubeconfig",
			"the proxy to %s doesn't answer: %v", shown, err)
	case isCertificate:
		return failuref(checkServer, "another server may have answered; otherwise "+saveHint,
			"%s has a certificate that isn't trusted: %v", shown, err)
	case isNetwork, errors.Is(err, io.EOF), errors.Is(err, context.DeadlineExceeded):
		return failuref(checkServer, hint, "%s doesn't answer: %v", shown, err)
	}
	return failuref(checkServer, hint, "%s doesn't answer as an API server does", shown)
}

// answered returns the finding that a response means.
func answered(shown string, response *http.Response, took time.Duration, refused string) finding {
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return failuref(checkServer, refused, "%s refuses the credential", shown)
	default:
		return failuref(checkServer, "", "%s answers with status %d", shown, response.StatusCode)
	}
	var said struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&said); err != nil {
		return failuref(checkServer, "something other than the cluster may have answered",
			"%s answers, but not with its version", shown)
	}
	version := []rune(said.GitVersion)
	version = version[:min(len(version), 40)] // a server may return anything
	return ok(checkServer, "%s answers, after %s: Kubernetes %s", shown, took, string(version))
}

// serverClient returns a client for the API server that trusts what the entry trusts, and uses its proxy. It has the
// credential's certificate, and isProven is true, only if the server must prove to be the cluster's.
func serverClient(
	c credential.Credential, entry *kubeconfig.Cluster,
) (client *http.Client, isProven bool, err error) {
	config, isProven, err := serverTLS(c, entry)
	if err != nil {
		return nil, false, err
	}
	if isProven && c.Token.IsZero() {
		pair, err := tls.X509KeyPair(c.ClientCertificate, []byte(c.ClientKey.Reveal()))
		if err != nil {
			return nil, false, errors.New("the client certificate can't be used")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment}
	if entry != nil && entry.ProxyURL != "" {
		proxy, err := url.Parse(entry.ProxyURL)
		if err != nil {
			return nil, false, errors.New("the proxy-url in the kubeconfig isn't a URL")
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, CheckRedirect: noRedirects}, isProven, nil
}

// serverTLS returns how a client with the entry verifies the server, and whether that proves that it is the cluster's.
func serverTLS(c credential.Credential, entry *kubeconfig.Cluster) (config *tls.Config, isProven bool, err error) {
	own := x509.NewCertPool()
	hasOwn := own.AppendCertsFromPEM(c.CertificateAuthority)
	if !hasOwn && (entry == nil || len(c.CertificateAuthority) > 0) {
		return nil, false, errors.New("the API returned no readable certificate authority")
	}
	if entry == nil {
		return &tls.Config{RootCAs: own}, true, nil
	}
	config = &tls.Config{ServerName: entry.TLSServerName, InsecureSkipVerify: entry.InsecureSkipTLSVerify}
	authority, err := entry.Authority()
	if err != nil || config.InsecureSkipVerify {
		return config, false, nil // checkTarget has reported the error
	}
	if len(authority) == 0 {
		return config, false, nil // the system's
	}
	isOwn := hasOwn && !errors.Is(c.CheckTarget(credential.Target{Server: c.Server, CertificateAuthority: authority}),
		credential.ErrAuthority)
	if isOwn {
		config.RootCAs = own
		return config, true, nil
	}
	config.RootCAs = x509.NewCertPool()
	config.RootCAs.AppendCertsFromPEM(authority)
	return config, false, nil
}
