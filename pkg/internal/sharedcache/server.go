package sharedcache

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/doks-auth/doks-auth/pkg/internal/boundedfile"
)

const (
	connectTime = 300 * time.Millisecond // to connect
	answerTime  = 600 * time.Millisecond // to answer; the first time, to agree on encryption and to sign in, too
	idleTime    = 5 * time.Second        // after which a connection that isn't used is closed

	maxAuthorities = 1 << 20 // the largest file with certificate authorities, in bytes
)

// Server is a connection to a shared cache, made when it is first needed. If the server can't be used, it isn't asked
// again by this process, nor for half a minute by others.
type Server struct {
	address Address
	memo    memo
	now     func() time.Time

	mu     sync.Mutex
	conn   redis.Conn
	raw    *boundedConn // what conn reads
	idle   *time.Timer
	failed error // why the server can't be used
}

// Open returns the server at an address. dir is a directory for the memo of its failures; "": none. Nothing is
// done until needed.
func Open(address Address, dir string) *Server {
	return &Server{address: address, memo: memo{dir, address}, now: time.Now}
}

// command is one command of a call.
type command struct {
	name string
	args []any
}

// call sends commands, and returns their answers, of which each may be a redis.Error. It connects first if necessary,
// and once more if the connection was lost.
func (s *Server) call(commands ...command) ([]any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil && s.conn == nil {
		s.failed = s.memo.read(s.now())
	}
	if s.failed != nil {
		return nil, s.failed
	}
	answers, err := s.try(commands)
	if isLost(err) {
		s.close()
		answers, err = s.try(commands)
	}
	if err != nil {
		s.close()
		// Not wrapped: a network's timeout is a context's to errors.Is, and callers ask for those of their own.
		s.failed = fmt.Errorf("the shared cache %s can't be used: %v", s.address, err)
		s.memo.write(s.now(), err)
		return nil, s.failed
	}
	s.closeLater()
	return answers, nil
}

// try sends commands once.
func (s *Server) try(commands []command) ([]any, error) {
	if s.conn == nil {
		if err := s.connect(); err != nil {
			return nil, err
		}
	}
	s.raw.begin()
	for _, c := range commands {
		if err := s.conn.Send(c.name, c.args...); err != nil {
			return nil, err
		}
	}
	answers, err := redis.Values(redis.DoWithTimeout(s.conn, answerTime, ""))
	if err != nil {
		return nil, err
	}
	for _, answer := range answers {
		if e, ok := answer.(redis.Error); ok && isUnusable(e) {
			return nil, shown(e)
		}
	}
	return answers, nil
}

// connect connects and signs in.
func (s *Server) connect() error {
	conn, err := dial(s.address.network, s.address.addr(), connectTime)
	if err != nil {
		return err
	}
	if s.address.tls {
		if conn, err = s.encrypt(conn); err != nil {
			return err
		}
	}
	s.raw = &boundedConn{Conn: conn}
	s.conn = redis.NewConn(s.raw, answerTime, 0)
	if err := s.signIn(); err != nil {
		s.close()
		return shown(err)
	}
	return nil
}

// signIn says who asks, if the address says it.
func (s *Server) signIn() error {
	if !s.address.tls {
		// Anything may listen there, and what it would make of a password is unknown.
		answer, err := redis.String(s.conn.Do("PING"))
		if e, ok := errors.AsType[redis.Error](err); err != nil && !(ok && isReply(e)) {
			return err
		}
		if err == nil && answer != "PONG" {
			return errors.New("it answers a PING with something else")
		}
	}
	if !s.address.password.IsZero() {
		args := []any{s.address.password.Reveal()}
		if s.address.user != "" {
			args = []any{s.address.user, s.address.password.Reveal()}
		}
		s.conn.Send("AUTH", args...)
	}
	if s.address.database != "" {
		s.conn.Send("SELECT", s.address.database)
	}
	_, err := s.conn.Do("PING")
	return err
}

// encrypt begins TLS, and closes the connection if that fails.
func (s *Server) encrypt(conn net.Conn) (net.Conn, error) {
	config := &tls.Config{ServerName: s.address.host}
	if s.address.authorities != "" {
		pem, err := boundedfile.Read(s.address.authorities, maxAuthorities)
		config.RootCAs = x509.NewCertPool()
		if err != nil || !config.RootCAs.AppendCertsFromPEM(pem) {
			conn.Close()
			return nil, errors.New("the file of its parameter ca has no certificates, or can't be read")
		}
	}
	encrypted := tls.Client(conn, config)
	conn.SetReadDeadline(time.Now().Add(answerTime))
	if err := encrypted.Handshake(); err != nil {
		conn.Close()
		return nil, err
	}
	return encrypted, nil
}

// closeLater closes the connection unless it is used soon.
func (s *Server) closeLater() {
	if s.idle != nil {
		s.idle.Stop()
	}
	conn := s.conn
	s.idle = time.AfterFunc(idleTime, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.conn == conn {
			s.close()
		}
	})
}

func (s *Server) close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// Retry makes the server be asked even if a process has found it unusable a moment ago: a person may have mended it.
func (s *Server) Retry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed, s.memo.dir = nil, ""
}

// Close closes the connection. The server may be used again.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
}

// isLost reports whether a connection was cut.
func isLost(err error) bool {
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op != "dial" && !e.Timeout() || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
