package signin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
)

// PortError means that the port that the redirect URI must have can't be used, most likely because another program
// uses it.
type PortError struct {
	Port int
	Err  error // the operating system's
}

// Error implements error.
func (e *PortError) Error() string {
	return fmt.Sprintf("listening for the browser on port %d: %v", e.Port, e.Err)
}

// Unwrap returns the operating system's error.
func (e *PortError) Unwrap() error { return e.Err }

const (
	loopback4 = "127.0.0.1"
	loopback6 = "::1"
	localhost = "localhost"
)

// listen returns listeners for the redirect URI. A browser may resolve localhost to either loopback address, so then
// there are two, and another program on either would get the code.
func (r Request) listen(ctx context.Context) ([]net.Listener, string, error) {
	host, path := r.Host, r.Path
	if host == "" {
		host = loopback4
	}
	if path == "" {
		path = "/callback"
	}
	if host != loopback4 && host != localhost {
		return nil, "", errors.New("the redirect URI's host is not " + loopback4 + " or " + localhost)
	}
	hosts := []string{loopback4}
	if host == localhost && hasIPv6(ctx) {
		hosts = append(hosts, loopback6)
	}
	tries := 1
	if r.Port == 0 {
		tries = 10 // the port that is free on one address may be taken on the other
	}
	var err error
	for range tries {
		var listeners []net.Listener
		if listeners, err = listenAt(ctx, hosts, r.Port); err == nil {
			port := portOf(listeners[0])
			return listeners, "http://" + net.JoinHostPort(host, strconv.Itoa(port)) + path, nil
		}
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		err = e.Err // the rest is address and port once more
	}
	if r.Port == 0 {
		return nil, "", fmt.Errorf("listening for the browser: %w", err)
	}
	return nil, "", &PortError{Port: r.Port, Err: err}
}

// listenAt listens on the same port of all hosts.
func listenAt(ctx context.Context, hosts []string, port int) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, host := range hosts {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
			return nil, err
		}
		listeners = append(listeners, l)
		port = portOf(l)
	}
	return listeners, nil
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// hasIPv6 reports whether this machine has the IPv6 loopback address.
func hasIPv6(ctx context.Context) bool {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp6", net.JoinHostPort(loopback6, "0"))
	if err != nil {
		return false
	}
	l.Close()
	return true
}
