package client

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
	"sync/atomic"
)

// Connections of HTTP/1 are kept for the next call only where they are paced. net/http reads ahead, and
// what it has read beyond a response it writes to the global log: a server that announces a shorter body
// than it sends, and repeats the key in it, would put the key there. Over HTTP/2 there is no such thing.

// paced is a connection of HTTP/1 without TLS that gives net/http no byte beyond the response that it
// reads: of a header a line at a time, of a body no more than the header announces, and nothing at all
// while no call waits for a response. A server that sends more loses the connection. What is in doubt,
// such as a chunked body, comes byte by byte, which is never too much.
type paced struct {
	net.Conn
	in *bufio.Reader
	// calls is how many calls were given the connection, done how many responses were read to their end.
	calls, done atomic.Int64

	// What follows is of the reading side. line is what is left to give of a line of the header, cut that
	// it was not the whole line.
	line []byte
	cut  bool
	// length is what the header announces, or -1 where the length is not that of the body; body is how
	// much of it is left once the header is over.
	length, body int64
	inBody       bool
	// spoiled: there is more than a response.
	spoiled bool
}

func newPaced(conn net.Conn) *paced { return &paced{Conn: conn, in: bufio.NewReader(conn)} }

// paceTo returns a dial function whose connections to address are paced.
func paceTo(address string, dial func(ctx context.Context, network, address string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, to string) (net.Conn, error) {
		conn, err := dial(ctx, network, to)
		if err != nil || to != address {
			return conn, err
		}
		return newPaced(conn), nil
	}
}

// begin notes that a call was given the connection.
func (c *paced) begin() { c.calls.Add(1) }

// end notes that a response was read to its end, before anything more is read.
func (c *paced) end() {
	c.spoiled = c.spoiled || c.in.Buffered() > 0
	c.line, c.cut, c.length, c.body, c.inBody = nil, false, 0, 0, false
	c.done.Add(1)
}

// Read implements [net.Conn].
func (c *paced) Read(p []byte) (int, error) {
	if len(c.line) > 0 {
		return c.give(p), nil
	}
	if _, err := c.in.Peek(1); err != nil {
		return 0, err
	}
	switch {
	case c.spoiled || c.calls.Load() == c.done.Load():
		return 0, io.EOF
	case c.body > 0:
		n, err := c.in.Read(p[:min(int64(len(p)), c.body)])
		c.body -= int64(n)
		return n, err
	case c.inBody:
		return c.in.Read(p[:min(len(p), 1)])
	}
	line, err := c.in.ReadSlice('\n')
	if !c.cut {
		c.note(bytes.TrimRight(line, "\r\n"))
	}
	c.line, c.cut = line, err == bufio.ErrBufferFull //nolint:errorlint // as bufio returns it
	return c.give(p), nil                            // the error comes again with the next read
}

func (c *paced) give(p []byte) int {
	n := copy(p, c.line)
	c.line = c.line[n:]
	return n
}

// note learns from a line of the header how much follows it.
func (c *paced) note(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch {
	case len(line) == 0:
		c.inBody, c.body = true, max(c.length, 0)
	case bytes.HasPrefix(line, []byte("HTTP/1.1 1")), bytes.HasPrefix(line, []byte("HTTP/1.0 1")), // another header follows
		bytes.EqualFold(name, []byte("Transfer-Encoding")):
		c.length = -1
	case c.length == 0 && bytes.EqualFold(name, []byte("Content-Length")):
		if length, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err == nil {
			c.length = length
		}
	}
}
