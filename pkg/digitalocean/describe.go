package digitalocean

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"

	"github.com/doks-auth/doks-auth/pkg/credential"
)

// describe explains why there was no answer. If a proxy is in use, the text contains no part of
// the proxy's address: in a malformed one, the password may be where the host should be.
func describe(err error, apiURL string, accessToken credential.Secret) string {
	if wrapper, ok := errors.AsType[*url.Error](err); ok {
		err = wrapper.Err // without the method and the URL
	}
	request, requestErr := http.NewRequest(http.MethodGet, apiURL, nil)
	if requestErr != nil {
		return "its address can't be used"
	}
	proxy, proxyErr := http.ProxyFromEnvironment(request)
	switch {
	case proxyErr != nil:
		return "the proxy in the environment is not of the form http://host:port"
	case proxy != nil:
		return "through the proxy in the environment: " + reasonOf(err)
	}
	return sanitize(err.Error(), accessToken)
}

// reasonOf returns the innermost reason for a network failure, without addresses.
func reasonOf(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "a name can't be resolved"
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		return e.Err.Error()
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return sanitize(e.Error(), credential.Secret{})
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return "no answer in time"
	}
	return "it failed"
}
