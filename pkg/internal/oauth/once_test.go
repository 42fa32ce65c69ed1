package oauth_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doks-auth/doks-auth/pkg/credential"
	"github.com/doks-auth/doks-auth/pkg/internal/oauth"
)

// answered returns an answer of status 200.
func answered(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// reset ends a connection with a TCP reset.
func reset(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := errors.Join(conn.(*net.TCPConn).SetLinger(0), conn.Close()); err != nil {
		t.Error(err)
	}
}

// listen calls serve for each connection, and returns the listener's address and the number of connections.
func listen(t *testing.T, serve func(net.Conn)) (string, *atomic.Int32) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns atomic.Int32
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Add(1)
			serving.Go(func() { serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
	return listener.Addr().String(), &conns
}

// A failure of the network is never followed by a second request, and says whether the first may have arrived.
func TestLostAnswers(t *testing.T) {
	afterRequest := func(answer string, end func(*testing.T, net.Conn)) func(*testing.T, net.Conn) {
		return func(t *testing.T, conn net.Conn) {
			if r, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
				t.Error(err)
			} else if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Error(err)
			}
			io.WriteString(conn, answer)
			end(t, conn)
		}
	}
	closed := func(_ *testing.T, conn net.Conn) { conn.Close() }
	const truncated = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"access_token\":\"hunter2"
	tests := map[string]struct {
		scheme string
		serve  func(*testing.T, net.Conn)
		want   want
	}{
		"reset before TLS": {"https", reset, want{class: credential.Unreachable}},
		"no TLS":           {"https", afterTLSHello, want{class: credential.Unreachable, says: "doesn't speak TLS"}},
		"reset while sent": {"http", afterFirstByte, want{class: credential.Unreachable, lost: true}},
		"reset":            {"http", afterRequest("", reset), want{class: credential.Unreachable, lost: true}},
		"closed": {
			"http", afterRequest("", closed), want{class: credential.Unreachable, says: "EOF", lost: true},
		},
		"no HTTP": {
			"http", afterRequest("hunter2\r\n\r\n", closed),
			want{class: credential.Unreachable, says: "what answers is not an authorization server", lost: true},
		},
		"long header": {
			"http", afterRequest("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 128<<10), closed),
			want{class: credential.Unreachable, says: "what answers is not an authorization server", lost: true},
		},
		"body closed": {
			"http", afterRequest(truncated, closed),
			want{class: credential.Unreachable, says: "unexpected EOF", lost: true},
		},
		"error's body closed": {
			"http", afterRequest(strings.Replace(truncated, "200", "400", 1), closed),
			want{class: credential.Unreachable, says: "unexpected EOF", lost: true},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			address, conns := listen(t, func(conn net.Conn) { test.serve(t, conn) })
			f := &fake{client: new(oauth.Client), Server: oauth.Server{Token: test.scheme + "://" + address + "/token"}}
			_, err := f.refresh(t)
			test.want.check(t, err)
			if got := conns.Load(); got != 1 {
				t.Errorf("got %d connections, want 1", got)
			}
		})
	}
}

// afterFirstByte resets a connection in the middle of the request.
func afterFirstByte(t *testing.T, conn net.Conn) {
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	reset(t, conn)
}

// afterTLSHello answers a TLS handshake with something else.
func afterTLSHello(t *testing.T, conn net.Conn) {
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\nhunter2")
	io.Copy(io.Discard, conn)
	conn.Close()
}

// breakable is a connection on which nothing can be written any more once it is broken.
type breakable struct {
	net.Conn
	broken *atomic.Bool
}

// Write implements net.Conn.
func (c breakable) Write(b []byte) (int, error) {
	if c.broken.Load() {
		return 0, io.ErrClosedPipe
	}
	return c.Conn.Write(b)
}

// net/http repeats some requests when a reused connection breaks. A refresh must not be among them.
func TestReusedConnections(t *testing.T) {
	hangUp := func(w http.ResponseWriter) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	}
	for _, name := range []string{"closed by the server", "broken before the request"} {
		t.Run(name, func(t *testing.T) {
			var broken atomic.Bool
			var dials, answers atomic.Int32
			atServer := name == "closed by the server"
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if answers.Add(1) > 1 && atServer {
					hangUp(w)
					return
				}
				says(200, granted)(w, r)
			})
			dial := func(ctx context.Context, network, address string) (net.Conn, error) {
				dials.Add(1)
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				return breakable{conn, &broken}, err
			}
			transport := &http.Transport{DialContext: dial}
			defer transport.CloseIdleConnections()
			f.client.HTTP = transport
			if _, err := f.refresh(t); err != nil {
				t.Fatal(err)
			}
			broken.Store(!atServer)
			_, err := f.refresh(t)
			want{class: credential.Unreachable, lost: true}.check(t, err)
			wantRequests := int32(1)
			if atServer {
				wantRequests = 2
			}
			if got := f.requests.Load(); got != wantRequests {
				t.Errorf("got %d requests for two calls, want %d", got, wantRequests)
			}
			if got := dials.Load(); got != 1 {
				t.Errorf("got %d connections, want 1 for the first request and the only attempt at the second", got)
			}
		})
	}
}
