package cmd

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/digitalocean"
	"github.com/doks-auth/doks-auth/pkg/execcredential"
	"github.com/doks-auth/doks-auth/pkg/internal/cachedir"
)

// A cached credential may have been revoked. client-go doesn't say so: after a 401 it just runs the plugin again, in
// the same process. So if a process asks for the same credential twice, the cluster is asked whether it accepts it.

// heal returns got, which the caller may have, or a credential that replaces it if the cluster refuses it. started is
// when the run began: what was fetched since isn't in doubt.
func (e *execCredential) heal(
	ctx context.Context, from source, id digitalocean.ClusterID, got credential.Credential,
	request execcredential.Request, started time.Time,
) (credential.Credential, error) {
	if e.noHeal || e.fetch.noCache || !e.unattended && !e.byClient() {
		return got, nil
	}
	cache, caller := cachedir.Open(e.cachePath(), credential.Secret{}), callerID()
	if !cache.Repeats(caller, got.Digest()) || !got.FetchedAt.Before(started) || got.Server == "" {
		return got, nil
	}
	proxy := proxyFor(got.Server, request.ProxyURL)
	asker := credential.Asker{Ask: func(ctx context.Context, got credential.Credential) credential.Verdict {
		e.distrustRoots() // what proves that a server is the cluster's may be the system's authorities
		return verdictOf(ctx, got, proxy)
	}}
	if proxy != nil {
		sum := sha256.Sum256([]byte(proxy.String())) // it may hold a password
		asker.Route = hex.EncodeToString(sum[:8])
	}
	healed, err := from.heal(ctx, id, e.fetch, got, asker)
	if err != nil {
		return healed, err
	}
	if healed.Digest() != got.Digest() {
		cache.Repeats(caller, healed.Digest()) // the caller has got it now
	}
	return healed, e.check(healed, request)
}

// proxyFor returns the proxy for a cluster's server: the one that the request names, else the environment's; nil: none.
func proxyFor(server, named string) *url.URL {
	if named != "" {
		if proxy, err := url.Parse(named); err == nil {
			return proxy
		}
	}
	request, err := http.NewRequest(http.MethodGet, server, nil)
	if err != nil {
		return nil
	}
	proxy, _ := http.ProxyFromEnvironment(request)
	return proxy
}

// verdictOf asks a cluster whether it accepts a credential: by its version, which costs it little, and which it gives
// to nobody whose credential it doesn't know. The connection goes to the credential's own server, whose certificate
// must be of the credential's own authority; a proxy sees no more than the name. Whatever fails is no verdict.
func verdictOf(ctx context.Context, got credential.Credential, proxy *url.URL) credential.Verdict {
	config := new(tls.Config)
	if len(got.CertificateAuthority) > 0 { // else the system's
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(got.CertificateAuthority)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(got.Server, "/")+"/version", nil)
	if err != nil {
		return credential.NoVerdict
	}
	if got.Token.IsZero() {
		pair, err := tls.X509KeyPair(got.ClientCertificate, []byte(got.ClientKey.Reveal()))
		if err != nil {
			return credential.NoVerdict
		}
		config.Certificates = []tls.Certificate{pair}
	} else {
		request.Header.Set("Authorization", "Bearer "+got.Token.Reveal())
	}
	transport := &http.Transport{TLSClientConfig: config, Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}
	response, err := transport.RoundTrip(request) // not by a client, which would follow redirects
	if err != nil {
		return credential.NoVerdict
	}
	response.Body.Close()
	switch {
	case response.StatusCode == http.StatusUnauthorized:
		return credential.Refuses
	case response.StatusCode/100 == 2, response.StatusCode == http.StatusForbidden:
		return credential.Accepts
	}
	return credential.NoVerdict
}
