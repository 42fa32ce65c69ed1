package oauth

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

const dialTimeout = 5 * time.Second

// transport returns the client's transport, or a new one like http.DefaultTransport with limits for a single small
// request. A connection is used only once: minutes pass between the requests of a sign-in, and a request that can't
// be repeated must not meet a connection that the server has closed meanwhile.
func (c *Client) transport() http.RoundTripper {
	if c.HTTP != nil {
		return c.HTTP
	}
	http1 := new(http.Protocols)
	http1.SetHTTP1(true) // HTTP/2 repeats some requests by itself
	return &http.Transport{
		Proxy:                  proxyOf,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:    dialTimeout,
		Protocols:              http1,
		DisableKeepAlives:      true,
		DisableCompression:     true, // answers are small and must not grow by decompression
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// proxyOf returns the proxy for a request, or nil: as the environment says, but none in clear text, which is for
// this machine alone. http.ProxyFromEnvironment leaves out that host by some of its names only.
func proxyOf(r *http.Request) (*url.URL, error) {
	if r.URL.Scheme != "https" {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

// describe says why there was no answer. It shows only what is known to quote neither the request, the answer, nor
// a proxy's address: in one that isn't what its owner meant, a password may stand for the host. Whether a caller's
// own transport uses a proxy is unknown.
func (c *Client) describe(request *http.Request, err error) string {
	if c.HTTP != nil {
		return reasonOf(err)
	}
	proxy, proxyErr := proxyOf(request)
	switch {
	case proxyErr != nil:
		return "the proxy in the environment is not of the form http://host:port"
	case proxy != nil:
		return "through the proxy in the environment: " + reasonOf(err)
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return e.Error()
	}
	return reasonOf(err)
}

// reasonOf returns the reason of a failure of the network, without addresses.
func reasonOf(err error) string {
	switch {
	case is[*net.DNSError](err):
		return "a name can't be looked up"
	case isTimeout(err):
		return "no answer in time"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "unexpected EOF"
	case errors.Is(err, io.EOF):
		return "EOF"
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		return e.Err.Error()
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return sanitize(e.Error(), nil)
	}
	if e, ok := errors.AsType[tls.AlertError](err); ok {
		return e.Error()
	}
	if is[tls.RecordHeaderError](err) {
		return "what answers doesn't speak TLS"
	}
	return "what answers is not an authorization server"
}

// isTimeout reports whether err is a network timeout or an expired deadline.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
