package wire

import (
	"log/slog"
	"net"
	"sync"
	"time"
)

// Listen bounds how many connections of a listener are open at the same time. Where that many are, the
// next ones wait in the kernel's backlog until one ends. What net/http itself answers on a connection
// gets the API's form, see [Errors] for what handlers answer.
//
// It differs from netutil's LimitListener in that: connections can still be closed for writing alone,
// without which net/http's last words may be lost; and the log tells when it is full.
func Listen(inner net.Listener, most int, logger *slog.Logger) net.Listener {
	return &listener{Listener: inner, slots: make(chan struct{}, most), closed: make(chan struct{}), logger: logger}
}

type listener struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
	logger *slog.Logger
	told   time.Time // when the log was last told, by the one goroutine that accepts
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	if err := l.acquire(); err != nil {
		return nil, err
	}
	inner, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &conn{Conn: inner, logger: l.logger, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

func (l *listener) acquire() error {
	select {
	case l.slots <- struct{}{}:
		return nil
	default:
	}
	if now := time.Now(); now.Sub(l.told) >= time.Minute {
		l.told = now
		l.logger.Warn("as many connections as allowed: new ones wait", "addr", l.Addr().String(), "connections", cap(l.slots))
	}
	select {
	case l.slots <- struct{}{}:
		return nil
	case <-l.closed:
		return net.ErrClosed
	}
}

// Close implements [net.Listener]. Connections stay open.
func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// conn is a connection that holds a slot until it is closed.
type conn struct {
	net.Conn
	logger  *slog.Logger
	release func()
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

// CloseWrite is what net/http ends a connection with whose caller still sends.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Write implements [net.Conn].
func (c *conn) Write(b []byte) (int, error) {
	answer := inOurForm(b, c.logger)
	if answer == nil {
		return c.Conn.Write(b)
	}
	if _, err := c.Conn.Write(answer); err != nil {
		return 0, err
	}
	return len(b), nil
}
