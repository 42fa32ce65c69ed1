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

// fullListener returns a listening socket that takes no further connection, and its address.
func fullListener(t *testing.T) (listener int, addr string) {
	t.Helper()
	listener, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(listener) })
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
	addr = (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}).String()
	for {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return listener, addr
		}
		t.Cleanup(func() { conn.Close() })
	}
}

// A server that can't take connections is given up, with an error that isn't a context's, as the network's own is.
func TestConnectingIsGivenUp(t *testing.T) {
	_, addr := fullListener(t)
	s := newStore(t, "redis://"+addr)
	_, err := s.Lock(t.Context(), key)
	if err == nil || !strings.Contains(err.Error(), errConnecting.Error()) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v, and not a context's error", err, errConnecting)
	}
}

// One lost packet doesn't make a server unusable.
func TestConnectingIsTriedAgain(t *testing.T) {
	listener, addr := fullListener(t)
	go func() {
		time.Sleep(50 * time.Millisecond) // then the first attempt has been ignored
		for range 2 {
			if fd, _, err := syscall.Accept(listener); err == nil {
				syscall.Close(fd)
			}
		}
	}()
	conn, err := dial("tcp", addr, connectTime)
	if err != nil {
		t.Fatalf("got %v, want a connection", err)
	}
	conn.Close()
}
