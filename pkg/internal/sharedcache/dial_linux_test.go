package sharedcache

// Not for Windows: it fills the queue of a listener, whose length only Linux takes literally.

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A server that can't take connections is given up, with an error that isn't a context's, as the network's own is.
func TestConnectingIsGivenUp(t *testing.T) {
	listener, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(listener)
	if err := syscall.Bind(listener, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(listener, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(listener)
	if err != nil {
		t.Fatal(err)
	}
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}
	for filled := false; !filled; {
		conn, err := net.DialTimeout("tcp", addr.String(), time.Second)
		if filled = err != nil; !filled {
			defer conn.Close()
		}
	}
	s := newStore(t, "redis://"+addr.String())
	_, err = s.Lock(t.Context(), key)
	if err == nil || !strings.Contains(err.Error(), errConnecting.Error()) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v, and not a context's error", err, errConnecting)
	}
}
