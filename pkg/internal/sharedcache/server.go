package sharedcache

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gomodule/redigo/redis"
)

const (
	connectTime = 300 * time.Millisecond // to connect
	answerTime  = 600 * time.Millisecond // to answer; the first time, to agree on encryption and to sign in, too
	idleTime    = 5 * time.Second        // after which a connection that isn't used is closed
)

// Server is a connection to a shared cache, made when it is first needed. If the server can't be used, it isn't asked
// again by this process, nor for half a minute by others.
type Server struct {
	find func() (Address, error)
	memo memo
	now  func() time.Time

	mu     sync.Mutex
	conn   redis.Conn
	raw    *boundedConn // what conn reads
	idle   *time.Timer
	failed error // why the server can't be used
}

// Open returns the server at the address that find returns, which is called when the server is first needed. dir is a
// directory for the memo of its failures; "": none. now is the clock; nil: time.Now.
func Open(find func() (Address, error), dir string, now func() time.Time) *Server {
	if now == nil {
		now = time.Now
	}
	return &Server{find: sync.OnceValues(find), memo: memo{dir}, now: now}
}

// Address returns the server's address, which shows no secret, or the error of finding it.
func (s *Server) Address() (Address, error) { return s.find() }

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
	address, err := s.find()
	if err != nil {
		return nil, err
	}
	if s.failed == nil && s.conn == nil {
		s.failed = s.memo.read(address, s.now())
	}
	if s.failed != nil {
		return nil, s.failed
	}
	began := time.Now()
	answers, err := s.try(address, commands)
	if isLost(err) && time.Since(began) < answerTime {
		s.close()
		answers, err = s.try(address, commands)
	}
	if err != nil {
		s.close()
		// Not wrapped: a network's timeout is a context's to errors.Is, and callers ask for those of their own.
		s.failed = fmt.Errorf("the shared cache %s can't be used: %v", address, err)
		s.memo.write(address, s.now(), err)
		return nil, s.failed
	}
	s.closeLater()
	return answers, nil
}

// try sends commands once.
func (s *Server) try(address Address, commands []command) ([]any, error) {
	if s.conn == nil {
		if err := s.connect(address); err != nil {
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
func (s *Server) connect(address Address) error {
	conn, err := dial(address.network, address.addr(), connectTime)
	if err != nil {
		return err
	}
	if address.tls {
		if conn, err = encrypt(conn, address); err != nil {
			return err
		}
	}
	s.raw = &boundedConn{Conn: conn}
	s.conn = redis.NewConn(s.raw, answerTime, 0)
	if err := s.signIn(address); err != nil {
		s.close()
		return shown(err)
	}
	return nil
}

// signIn says who asks, if the address says it.
func (s *Server) signIn(address Address) error {
	if !address.tls {
		// Anything may listen there, and what it would make of a password is unknown.
		answer, err := redis.String(s.conn.Do("PING"))
		if e, ok := errors.AsType[redis.Error](err); err != nil && !(ok && isDenial(e)) {
			return err
		}
		if err == nil && answer != "PONG" {
			return errors.New("it answers a PING with something else")
		}
	}
	if !address.password.IsZero() {
		args := []any{address.password.Reveal()}
		if address.user != "" {
			args = []any{address.user, address.password.Reveal()}
		}
		s.conn.Send("AUTH", args...)
	}
	if address.database != "" {
		s.conn.Send("SELECT", address.database)
	}
	_, err := s.conn.Do("PING")
	return err
}

// encrypt begins TLS, and closes the connection if that fails.
func encrypt(conn net.Conn, address Address) (net.Conn, error) {
	encrypted := tls.Client(conn, &tls.Config{ServerName: address.host, RootCAs: address.roots})
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
