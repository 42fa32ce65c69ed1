package sharedcache

import (
	"context"
	"errors"
	"net"
	"time"
)

// When a thousand processes start on one machine, each may have to wait for a processor for longer than a server takes
// to answer, and would blame the server. So a server's time is counted in ticks, and one that this process noticed late
// doesn't count.

const (
	tick    = 20 * time.Millisecond
	maxTime = 5 * time.Second // of a busy machine
)

// patience is what is left of a server's time.
type patience struct {
	ticks int
	end   time.Time
}

func newPatience(d time.Duration) patience { return patience{int(d / tick), time.Now().Add(maxTime)} }

// ends reports whether the time is up, after a tick that began at a time.
func (p *patience) ends(began time.Time) bool {
	now := time.Now()
	if now.Sub(began) < 2*tick {
		p.ticks--
	}
	return p.ticks <= 0 || now.After(p.end)
}

var errConnecting = errors.New("connecting: no answer in time")

// dial connects within a time.
func dial(network, addr string, within time.Duration) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	ctx, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	done := make(chan result, 1)
	go func() {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		done <- result{conn, err}
	}()
	for p, began := newPatience(within), time.Now(); ; began = time.Now() {
		select {
		case r := <-done:
			if r.err != nil {
				return nil, r.err
			}
			return &fairConn{Conn: r.conn}, nil
		case <-time.After(tick):
		}
		if p.ends(began) {
			giveUp()
			if r := <-done; r.err == nil {
				r.conn.Close()
			}
			return nil, errConnecting
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
	c.reading = newPatience(time.Until(t) + tick)
	return nil
}

// Read implements net.Conn.
func (c *fairConn) Read(p []byte) (int, error) {
	for {
		began := time.Now()
		if err := c.Conn.SetReadDeadline(began.Add(tick)); err != nil {
			return 0, err
		}
		if n, err := c.Conn.Read(p); !isTimeout(err) || c.reading.ends(began) {
			return n, err
		}
	}
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
		if written += n; !isTimeout(err) || writing.ends(began) {
			return written, err
		}
	}
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}
