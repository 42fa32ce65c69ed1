package sharedcache

import (
	"context"
	"errors"
	"net"
	"os"
	"time"
)

// When a thousand processes start on one machine, each may have to wait for a processor for longer than a server takes
// to answer, and would blame the server. So a server's time is counted in steps of a tick at most, and one that this
// process noticed late doesn't count.

const (
	tick    = 20 * time.Millisecond
	maxTime = 5 * time.Second // of a busy machine
)

// patience is what is left of a server's time.
type patience struct {
	left time.Duration
	end  time.Time
}

func newPatience(d time.Duration) patience { return patience{d, time.Now().Add(maxTime)} }

// spend counts a step that began at a time, and reports whether the server's time is up.
func (p *patience) spend(began time.Time) (isUp bool) {
	if took := time.Since(began); took < 2*tick {
		p.left -= took
	}
	return p.isUp()
}

func (p *patience) isUp() bool { return p.left <= 0 || time.Now().After(p.end) }

var errConnecting = errors.New("connecting: no answer in time")

// dial connects within a time. TCP sends a lost packet again after a second, for which nobody waits here, so there is a
// second attempt halfway.
func dial(network, addr string, within time.Duration) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	results := make(chan result)
	attempt := func() {
		// By default, another address of the host would be tried when the time is up.
		dialer := net.Dialer{FallbackDelay: within / 3}
		conn, err := dialer.DialContext(ctx, network, addr)
		select {
		case results <- result{conn, err}:
		case <-ctx.Done():
			if err == nil {
				conn.Close()
			}
		}
	}
	go attempt()
	left, again := newPatience(within), false
	for {
		began := time.Now()
		select {
		case r := <-results:
			if r.err != nil {
				return nil, r.err
			}
			return &fairConn{Conn: r.conn}, nil
		case <-time.After(tick):
		}
		if left.spend(began) {
			return nil, errConnecting
		}
		if left.left < within/2 && !again {
			again = true
			go attempt()
		}
	}
}

// fairConn is a connection with such times. Each Write has the time for an answer.
type fairConn struct {
	net.Conn
	reading patience
}

// SetReadDeadline implements net.Conn.
func (c *fairConn) SetReadDeadline(t time.Time) error {
	c.reading = newPatience(time.Until(t))
	return nil
}

// Read implements net.Conn. What arrives in little pieces has no more time than what arrives at once.
func (c *fairConn) Read(p []byte) (int, error) {
	for !c.reading.isUp() {
		began := time.Now()
		if err := c.Conn.SetReadDeadline(began.Add(tick)); err != nil {
			return 0, err
		}
		n, err := c.Conn.Read(p)
		c.reading.spend(began)
		if !isTimeout(err) {
			return n, err
		}
	}
	return 0, os.ErrDeadlineExceeded
}

// Write implements net.Conn.
func (c *fairConn) Write(p []byte) (int, error) {
	writing := newPatience(answerTime)
	for written := 0; ; {
		began := time.Now()
		if err := c.Conn.SetWriteDeadline(began.Add(tick)); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(p[written:])
		if written += n; !isTimeout(err) || writing.spend(began) {
			return written, err
		}
	}
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}
