package onecall

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
)

// Peer is a server that may fail to answer.
type Peer struct {
	Name  string                   // for descriptions: "the API"
	Clean func(text string) string // makes a text from the server safe to show
}

// Describe says why a request to an address, sent by a transport from NewTransport, got no answer. It shows only what
// is known to quote neither the request, nor the answer, nor a proxy's address. An answer may hold a secret in the
// wrong place, and if a proxy's address isn't what its owner meant, a password may stand for the host.
func (p Peer) Describe(address *url.URL, err error) string {
	proxy, proxyErr := proxyOf(&http.Request{URL: address})
	switch {
	case proxyErr != nil:
		return "the proxy in the environment is not of the form http://host:port"
	case proxy != nil:
		return "through the proxy in the environment: " + p.Reason(err)
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Error()
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return e.Error()
	}
	return p.Reason(err)
}

// Reason returns the reason for a network failure, without addresses.
func (p Peer) Reason(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "a name can't be looked up"
	}
	switch {
	case IsTimeout(err):
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
		return p.Clean(e.Error())
	}
	if e, ok := errors.AsType[tls.AlertError](err); ok {
		return e.Error()
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "what answers doesn't speak TLS"
	}
	return "what answers is not " + p.Name
}

// IsTimeout reports whether err is a network timeout or an expired deadline, even if it is wrapped: the Timeout
// method of url.Error doesn't unwrap.
func IsTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}
