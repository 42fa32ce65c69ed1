package sharedcache

import (
	"bytes"
	"errors"
	"net"
	"strconv"
)

const (
	maxReply    = 2 << 20 // the most bytes that are read for one answer
	maxBulk     = 1 << 20 // the longest text in one
	maxElements = 1 << 14 // the longest list in one
	maxLists    = 16      // the most lists in one
)

var errTooLarge = errors.New("its answer is too large")

// boundedConn refuses answers that announce more than a cache has to say. The client allocates what a server announces,
// before a byte of it has arrived.
type boundedConn struct {
	net.Conn
	line        []byte // the beginning of one that is incomplete
	skip        int    // bytes of a text that is being read
	read, lists int    // of the current answer
}

// begin starts a new answer.
func (c *boundedConn) begin() { c.read, c.lists = 0, 0 }

// Read implements net.Conn.
func (c *boundedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if checkErr := c.check(p[:n]); checkErr != nil {
		return 0, checkErr
	}
	return n, err
}

func (c *boundedConn) check(data []byte) error {
	if c.read += len(data); c.read > maxReply {
		return errTooLarge
	}
	for len(data) > 0 {
		if c.skip > 0 {
			n := min(c.skip, len(data))
			c.skip, data = c.skip-n, data[n:]
			continue
		}
		line, rest, ended := bytes.Cut(data, []byte("\n"))
		c.line, data = append(c.line, line...), rest
		if !ended {
			return nil
		}
		if err := c.announced(bytes.TrimSuffix(c.line, []byte("\r"))); err != nil {
			return err
		}
		c.line = c.line[:0]
	}
	return nil
}

// announced reads a line, which may announce a text or a list.
func (c *boundedConn) announced(line []byte) error {
	if len(line) == 0 || line[0] != '$' && line[0] != '*' {
		return nil
	}
	n, err := strconv.Atoi(string(line[1:]))
	switch {
	case err != nil:
		return errTooLarge
	case line[0] == '$' && n >= 0:
		c.skip = n + len("\r\n")
	case line[0] == '*':
		c.lists++
	}
	if n > maxBulk || line[0] == '*' && n > maxElements || c.lists > maxLists {
		return errTooLarge
	}
	return nil
}
