package digitalocean

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// describe says why there was no answer. It shows only what is known to quote neither the answer, which may hold
// a secret in the wrong place, nor, where a proxy is on the way, the proxy's address: in one that isn't what
// its owner meant, a password may stand for the host. A caller's own transport may say what it likes.
func (o Options) describe(ctx context.Context, err error) string {
	if wrapper, ok := errors.AsType[*url.Error](err); ok {
		err = wrapper.Err // without the method and the URL
	}
	if o.own == nil {
		return sanitize(err.Error(), bearerOf(ctx))
	}
	request, requestErr := http.NewRequest(http.MethodGet, o.APIURL, nil)
	if requestErr != nil {
		return "its address can't be used"
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
		return sanitize(e.Error(), credential.Secret{})
	}
	if e, ok := errors.AsType[tls.AlertError](err); ok {
		return e.Error()
	}
	if is[tls.RecordHeaderError](err) {
		return "what answers doesn't speak TLS"
	}
	return "what answers is not the API"
}

// isTimeout reports whether err is a network timeout or an expired deadline. url.Error doesn't tell if its cause
// is wrapped.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}
