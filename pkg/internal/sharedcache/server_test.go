package sharedcache

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// listen serves each connection to a loopback address with serve.
func listen(t *testing.T, serve func(net.Conn)) (addr string, connections *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	connections = new(atomic.Int64)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return listener.Addr().String(), connections
}

// silent reads, and never answers.
func silent(conn net.Conn) { io.Copy(io.Discard, conn) }

// answering answers everything with the same text.
func answering(text string) func(net.Conn) {
	return func(conn net.Conn) {
		buffer := make([]byte, 4096)
		for {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
	}
}

// dripping sends an endless answer, a byte at a time.
func dripping(conn net.Conn) {
	go io.Copy(io.Discard, conn)
	for text := "+"; ; text = "x" {
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// A server that can't be used is a miss, soon, and is asked once.
func TestUnusableServers(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	tests := map[string]struct {
		serve func(net.Conn)
		why   string
	}{
		"nobody listens":       {nil, "refused"},
		"silent":               {silent, "timeout"},
		"hangs up":             {func(net.Conn) {}, ""},
		"a web server":         {answering("HTTP/1.1 400 Bad Request\r\n\r\n"), "unexpected response line"},
		"starting":             {answering("-LOADING Valkey is loading the dataset in memory\r\n"), "starting"},
		"failing over":         {answering("-MASTERDOWN Link with MASTER is down\r\n"), "failing over"},
		"doesn't know us":      {answering("-NOAUTH Authentication required. SECRET\r\n"), "refuses the user or the password"},
		"announces a gigabyte": {answering("$1000000000\r\n"), "too large"},
		"announces a list":     {answering("*1000000000\r\n"), "too large"},
		"nested lists":         {answering(strings.Repeat("*1\r\n", 1000)), "too large"},
		"not a number":         {answering("$99999999999999999999\r\n"), "too large"},
		"never ends a line":    {answering(strings.Repeat("x", 4096)), ""},
		"drips":                {dripping, "timeout"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, connections := closed.Addr().String(), new(atomic.Int64)
			if test.serve != nil {
				addr, connections = listen(t, test.serve)
			}
			s := newStore(t, "redis://"+addr)
			start := time.Now()
			_, err := s.Get(t.Context(), key)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("it took %s", took)
			}
			if err == nil || !strings.Contains(err.Error(), test.why) || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("got %v, want an error with %q", err, test.why)
			}
			asked := connections.Load()
			expectToken(t, s, key, "")
			_, err = s.Lock(t.Context(), key)
			if err == nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
				t.Errorf("locking: got %v, want an error that isn't a context's", err)
			}
			if err := s.Put(t.Context(), key, newCredential("token-1")); err == nil {
				t.Error("it takes a credential")
			}
			if got := connections.Load(); got != asked || asked > 2 {
				t.Errorf("asked %d times at first and %d times in all; want twice at most, and no more", asked, got)
			}
		})
	}
}

// A server that can't be written to can still be read.
func TestReadOnlyServer(t *testing.T) {
	server := miniredis.RunT(t)
	writer, reader := newStore(t, "redis://"+server.Addr()), newStore(t, "redis://"+server.Addr())
	if err := writer.Put(t.Context(), key, newCredential("token-1")); err != nil {
		t.Fatal(err)
	}
	expectToken(t, reader, key, "token-1")
	server.SetError("OOM command not allowed when used memory > 'maxmemory'.")
	if _, err := reader.Lock(t.Context(), key); err == nil || err.Error() != "it is full" {
		t.Errorf("got %v, want that it is full", err)
	}
	if err := reader.Put(t.Context(), key, newCredential("token-2")); err == nil || err.Error() != "it is full" {
		t.Errorf("got %v, want that it is full", err)
	}
	server.SetError("")
	expectToken(t, reader, key, "token-1")
}

// A password is sent to nothing but a server that speaks the protocol.
func TestPasswordIsForTheServerOnly(t *testing.T) {
	for _, greeting := range []string{"220 mail.example ESMTP\r\n", "+OK POP3 ready\r\n"} {
		received := make(chan string, 10)
		addr, _ := listen(t, func(conn net.Conn) {
			buffer := make([]byte, 4096)
			n, _ := conn.Read(buffer)
			received <- string(buffer[:n])
			io.WriteString(conn, greeting)
			n, _ = conn.Read(buffer)
			received <- string(buffer[:n])
		})
		s := newStore(t, "redis://user:password@"+addr)
		expectToken(t, s, key, "")
		if got := <-received + <-received; strings.Contains(got, "password") || strings.Contains(got, "user") {
			t.Errorf("after %q it was sent %q, want no password", greeting, got)
		}
	}
}

func TestSignIn(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireUserAuth("user", "password")
	if err := newStore(t, "redis://user:password@"+server.Addr()).Put(t.Context(), key, newCredential("token-1")); err != nil {
		t.Error(err)
	}
	for _, who := range []string{"", "user:wrong@", "other:password@"} {
		err := newStore(t, "redis://"+who+server.Addr()).Put(t.Context(), key, newCredential("token-1"))
		if err == nil || !strings.Contains(err.Error(), "it refuses the user or the password") {
			t.Errorf("%q: got %v, want that it refuses the password", who, err)
		}
	}
}

// A connection that was cut is made again, once.
func TestCutConnections(t *testing.T) {
	server := miniredis.RunT(t)
	s := newStore(t, "redis://"+server.Addr())
	for range 5 {
		if err := s.Put(t.Context(), key, newCredential("token-1")); err != nil {
			t.Fatal(err)
		}
		server.Close()
		if err := server.Restart(); err != nil {
			t.Fatal(err)
		}
		expectToken(t, s, key, "token-1")
	}
}

// One process's wait spares the next ones theirs, for half a minute.
func TestMemo(t *testing.T) {
	dir := t.TempDir()
	addr, connections := listen(t, func(net.Conn) {})
	address, err := ParseAddress("redis://user:password@"+addr, false)
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range []int64{2, 2, 4} {
		server := open(address, dir)
		server.now = func() time.Time { return time.Now().Add(time.Duration(after) * 20 * time.Second) }
		expectToken(t, server.For(secret), key, "")
		if got := connections.Load(); got != want {
			t.Errorf("after %d s: got %d connections in all, want %d", after*20, got, want)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("got %q, %v; want one file", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil || strings.Contains(string(text), "password") || strings.Contains(files[0], "password") {
		t.Errorf("got %q in %q, %v; want no password", text, files[0], err)
	}
}

// A user whose password is refused doesn't keep others from the server.
func TestMemoIsForOneUser(t *testing.T) {
	server := miniredis.RunT(t)
	server.RequireUserAuth("user", "password")
	dir := t.TempDir()
	for who, works := range map[string]bool{"other:password": false, "user:password": true} {
		for range 2 {
			address, err := ParseAddress("redis://"+who+"@"+server.Addr(), false)
			if err != nil {
				t.Fatal(err)
			}
			err = open(address, dir).For(secret).Put(t.Context(), key, newCredential("token-1"))
			if (err == nil) != works {
				t.Errorf("%s: got %v", who, err)
			}
		}
	}
}
