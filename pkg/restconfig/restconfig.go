// Package restconfig makes a *rest.Config whose requests always carry a fresh credential: a client-go
// program for a DigitalOcean cluster needs no kubeconfig and no child process.
//
// [ForCluster] asks the DigitalOcean API; [New] takes any [credential.Provider]. What they return is
// an ordinary config: clients of every kind are made from it and from copies of it, and its other
// fields may be set; what wraps the transport is added by its method Wrap. It needs no ending. Nothing
// runs between requests; a renewal that is under way when the last client is dropped ends by itself,
// after half a minute at most.
//
// # Tokens
//
// Guaranteed:
//   - Plain requests, watches, logs, exec, attach and port-forward, by SPDY and by websocket, carry the
//     token that is held when they are sent. What has begun isn't touched by a renewal.
//   - A token is renewed once for all goroutines: in the background while it is due for renewal and
//     still valid, so that nobody waits. A request waits, as long as its own context lets it, only when
//     nothing valid is held. Without requests nothing is renewed, because each renewal mints a token in
//     the user's account.
//   - While the token in hand is valid, a failing provider goes unnoticed but for a warning in the log.
//     After its end requests fail with an error that says why, and succeed again once the provider does.
//   - A token that the cluster refuses with 401 is dropped and replaced, once for all who saw it, and
//     the request is sent again if it has no body or one with GetBody. Should the renewal fail, the
//     request fails with its error.
//   - A cluster that refuses each new token too doesn't get them minted endlessly: the 401 is passed on,
//     and the pause until a refusal counts again grows from a second to an hour.
//   - The token goes to the cluster's own server only. A request to another one, as after a redirect,
//     fails. A request that has an Authorization header of its own is passed on as it is.
//
// Not guaranteed:
//   - That no request is refused: clocks differ, and a request whose body can't be sent twice gets
//     the 401 that told of a revoked token.
//   - That each 401 is the cluster's: one that something behind it gave, as by the proxy to a service, can't
//     be told from that, and costs a renewal.
//   - That an exec or watch goes on when its token ends: that is the server's choice.
//   - That the config follows a cluster to another server, or to a certificate authority that signs
//     nothing which the one in the config does: make a new config. A credential for another server is
//     refused, a change of the authority is logged.
//   - That a Host set to another address works. To go by a tunnel, set Dial or Proxy.
//
// # Client certificates
//
// client-go has no way to renew a client certificate in a running client, but for running an exec
// plugin or rereading files, which would put the key on disk in clear. So the config of a cluster
// that knows no tokens holds the certificate as it is. It serves all kinds of requests until the
// certificate's end, which is the NotAfter of CertData; after that they fail with
// [ErrCertificateEnded]. Make a new config, and new clients, before.
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
)

// New returns a config for the cluster that cached.Provider gives credentials for. cached.Store is
// where they are kept, nil being a [credential.Memory] of the config's own; its Leeway, Now and Log
// are the config's too. ctx is for getting the first credential, and may end then.
//
// Renewals call the provider in a goroutine of the config's. It must end when its context does: until it
// does, nothing else is tried, and requests fail after half a minute. If it panics, the program ends. It
// should keep no tokens itself: it isn't told when one was refused.
func New(ctx context.Context, cached *credential.Cached) (*rest.Config, error) {
	own := *cached
	if own.Store == nil {
		own.Store = new(credential.Memory)
	}
	return newConfig(ctx, func() (*credential.Cached, error) { return &own, nil })
}

// newConfig returns a config whose credentials come from what source returns.
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

// parseServer returns the server's URL, https where that isn't said. An error is of class Unusable, or
// Unsafe for one that a token must not be sent to.
func parseServer(server string) (*url.URL, error) {
	u, err := credential.ParseServer(server)
	if err != nil {
		return nil, unusable(errors.New("it names no server"))
	}
	if credential.IsPrivate(u) {
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

// ErrCertificateEnded says that a config's client certificate has ended.
var ErrCertificateEnded = errors.New("the client certificate has ended")

// certificateTransport tells that the client certificate ended, which the server wouldn't.
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
	return nil, fmt.Errorf("asking server %q: %w, at %s; the config must be made anew", t.server, ErrCertificateEnded, t.end.UTC().Format(time.RFC3339))
}

// WrappedRoundTripper lets client-go find what is wrapped.
func (t *certificateTransport) WrappedRoundTripper() http.RoundTripper { return t.next }
