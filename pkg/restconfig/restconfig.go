// Package restconfig returns a *rest.Config whose requests always use a fresh credential. A client-go
// program for a DigitalOcean cluster then needs neither a kubeconfig nor a child process.
//
// [ForCluster] gets credentials from the DigitalOcean API; [New] accepts any [credential.Provider]. Both return
// an ordinary config: use it or copies of it for any kind of client, and set its other
// fields as usual; add transport wrappers with its Wrap method. It doesn't need to be closed. Nothing
// runs between requests; a renewal in progress when the last client is dropped ends by itself
// within half a minute.
//
// # Tokens
//
// Guaranteed:
//   - Plain requests, watches, logs, exec, attach and port-forward, over SPDY and WebSocket, use the
//     token that is current when they are sent. A renewal doesn't affect requests in progress.
//   - A token is renewed once for all goroutines. While it is due for renewal but still valid, that happens in
//     the background, and no request waits. A request waits, until its own context ends, only if
//     there is no valid token. Without requests nothing is renewed, because each renewal mints a token in
//     the user's account.
//   - While the current token is valid, a failing provider only causes warnings in the log.
//     Once the token has expired, requests fail with the provider's error until the provider works again.
//   - A token that the cluster refuses with 401 is replaced, once for all requests that it was refused for, and
//     the request is sent again if it has no body or GetBody is set. If the renewal fails, the
//     request fails with its error.
//   - If the cluster refuses new tokens as well, they aren't minted endlessly: the 401 is returned. A new token that
//     the cluster has never accepted isn't replaced for ten minutes; if it accepts and refuses tokens by turns, the pause
//     before another refusal causes a renewal grows from a second to an hour.
//   - The token is sent only to the cluster's server. A request to another one, as after a redirect,
//     fails. A request that already has an Authorization header is sent unchanged.
//
// Not guaranteed:
//   - That no request is refused: clocks differ, and a request whose body can't be sent twice returns
//     the 401 caused by a revoked token.
//   - That a 401 comes from the cluster: one from something behind it, such as a proxied service, can't
//     be distinguished and costs a renewal.
//   - That an exec or watch continues after its token expires: that is up to the server.
//   - That the config follows a cluster to another server, or to a certificate authority unrelated to the one in
//     the config: make a new config. A credential for another server is refused; a change of the authority is
//     logged.
//   - That a Host set to another address works. To use a tunnel, set Dial or Proxy.
//
// # Client certificates
//
// client-go can't renew a client certificate in a running client, except by running an exec
// plugin or rereading files, which would put the key on disk in plain text. So the config of a cluster
// without tokens contains the certificate itself. Requests of all kinds work until the
// certificate expires, at the NotAfter of CertData, and then fail with
// [ErrCertificateEnded]. Make a new config and new clients before that.
package restconfig

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"k8s.io/client-go/rest"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/serverurl"
)

// New returns a config for the cluster whose credentials cached.Provider provides. They are stored in
// cached.Store, or a new [credential.Memory] if it is nil. The config also uses cached's Leeway, Now and Log.
// New gets the first credential, for which ctx is used; the config doesn't depend on ctx afterwards.
//
// Renewals call the provider in a separate goroutine. The provider must return when its context is done: until it
// does, no other renewal starts, and requests fail after half a minute. If it panics, the program crashes. It
// shouldn't cache tokens itself, because it isn't told when one is refused.
func New(ctx context.Context, cached *credential.Cached) (*rest.Config, error) {
	own := *cached
	if own.Store == nil {
		own.Store = new(credential.Memory)
	}
	return newConfig(ctx, func() (*credential.Cached, error) { return &own, nil })
}

// newConfig returns a config that gets its credentials from the result of source, which it calls again for each
// renewal.
func newConfig(ctx context.Context, source func() (*credential.Cached, error)) (*rest.Config, error) {
	cached, err := source()
	if err != nil {
		return nil, err
	}
	first, err := cached.Credential(ctx)
	if err != nil {
		return nil, err
	}
	t := newTokenCache(source, cached)
	if err := first.Check(t.now()); err != nil {
		return nil, unusable(err)
	}
	server, err := parseServer(first.Server)
	if err != nil {
		return nil, err
	}
	config := &rest.Config{
		Host:            server.String(),
		TLSClientConfig: rest.TLSClientConfig{CAData: first.CertificateAuthority},
	}
	if first.Token.IsZero() {
		config.CertData, config.KeyData = first.ClientCertificate, []byte(first.ClientKey.Reveal())
		config.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
			return &certificateTransport{next: next, server: config.Host, end: first.ExpiresAt, now: t.now}
		}
		return config, nil
	}
	t.server = server
	t.hold(first, cached)
	config.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
		return &tokenTransport{next: next, tokens: t}
	}
	return config, nil
}

// parseServer returns the server's URL; the default scheme is https. The error has class Unusable, or
// Unsafe if a token must not be sent to the server.
func parseServer(server string) (*url.URL, error) {
	u, err := serverurl.Parse(server)
	if err != nil {
		return nil, unusable(errors.New("it names no server"))
	}
	if serverurl.IsPrivate(u) {
		return u, nil
	}
	return nil, &credential.Error{
		Class: credential.Unsafe,
		Err:   fmt.Errorf("refusing to send the credential to server %q: it is not https", server),
	}
}

func unusable(err error) error {
	return &credential.Error{
		Class: credential.Unusable,
		Err:   fmt.Errorf("the provider's credential can't be used: %w", err),
	}
}

// ErrCertificateEnded means that a config's client certificate has expired.
var ErrCertificateEnded = errors.New("the client certificate has expired")

// certificateTransport returns an error once the client certificate has expired, since the server wouldn't say so.
type certificateTransport struct {
	next   http.RoundTripper
	server string
	end    time.Time
	now    func() time.Time
}

// RoundTrip implements http.RoundTripper.
func (t *certificateTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.end.IsZero() || t.now().Before(t.end) {
		return t.next.RoundTrip(req)
	}
	closeBody(req)
	return nil, fmt.Errorf("asking server %q: %w, at %s; make a new config",
		t.server, ErrCertificateEnded, t.end.UTC().Format(time.RFC3339))
}

// WrappedRoundTripper lets client-go find what is wrapped.
func (t *certificateTransport) WrappedRoundTripper() http.RoundTripper { return t.next }
