// Package onecall holds what clients need to send a small HTTP request that must not arrive twice: a transport that
// can be kept from repeating it, a way to find out that it certainly wasn't sent, and descriptions of failures that
// show no secrets.
package onecall

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

const (
	dialTimeout = 5 * time.Second

	// A busy machine needs longer to compute its part of a handshake than to connect.
	handshakeTimeout = 10 * time.Second
)

// NewTransport returns a transport like http.DefaultTransport, with limits for a single small request. It uses only
// HTTP/1.1, where net/http doesn't repeat a request that has a body but no GetBody; its HTTP/2 always repeats some.
func NewTransport() *http.Transport {
	http1 := new(http.Protocols)
	http1.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  proxyOf,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:    handshakeTimeout,
		Protocols:              http1,
		DisableCompression:     true, // answers are small and must not grow by decompression
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// proxyOf returns the proxy for a request, or nil. It heeds the environment, but never uses a proxy for plain http,
// which is for this machine alone: http.ProxyFromEnvironment recognizes only some of this machine's names.
func proxyOf(r *http.Request) (*url.URL, error) {
	if r.URL.Scheme != "https" {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

// Delivery records how far a request gets. The zero value is ready to use, for one request.
type Delivery struct{ began, written atomic.Bool }

// Track returns a context for the request to record.
func (d *Delivery) Track(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { d.began.Store(true) },
		WroteHeaders: func() { d.written.Store(true) }, // to a buffer that is flushed later
	})
}

// IsUnsent reports whether the request certainly didn't reach the server: there was no connection, or nothing was
// written to it. It returns false if the transport doesn't support tracing.
func (d *Delivery) IsUnsent() bool { return d.began.Load() && !d.written.Load() }
