package wire

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bound returns a listener for the server that gives it at most so many connections at the same time.
// Where it has that many, the next one waits until one ends, and those after it in the kernel's
// backlog. The one that has been idle the longest is ended for it. What net/http itself answers on a connection gets the API's
// form; see [Errors] for what handlers answer.
//
// It differs from netutil's LimitListener in that a connection can still be closed for writing alone,
// without which net/http's last words may be lost, in that idle connections make room, and in that the
// log tells when it is full.
func Bound(server *http.Server, inner net.Listener, most int, logger *slog.Logger) net.Listener {
	l := &listener{
		Listener: inner,
		slots:    make(chan struct{}, most),
		closed:   make(chan struct{}),
		logger:   logger,
		idle:     make(map[net.Conn]time.Time),
		spared:   spared,
	}
	server.ConnState = l.note
	return l
}

// spared is how long a connection may be idle and not be ended for another one: who calls again and
// again keeps it, also while others flood the server.
const spared = 10 * time.Second

type listener struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
	logger *slog.Logger
	told   time.Time // when the log was last told, by the one goroutine that accepts
	spared time.Duration

	mutex sync.Mutex
	idle  map[net.Conn]time.Time // since when
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if err := l.acquire(); err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	return &conn{Conn: inner, logger: l.logger, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

// acquire takes a slot. It waits for one, until the listener is closed.
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
	again := time.NewTicker(l.spared / 10)
	defer again.Stop()
	for {
		l.endIdle()
		select {
		case l.slots <- struct{}{}:
			return nil
		case <-l.closed:
			return net.ErrClosed
		case <-again.C:
		}
	}
}

// note is the server's ConnState.
func (l *listener) note(c net.Conn, state http.ConnState) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if state == http.StateIdle {
		l.idle[c] = time.Now()
	} else {
		delete(l.idle, c)
	}
}

// endIdle ends the connection that has been idle the longest, if that is long enough.
func (l *listener) endIdle() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var oldest net.Conn
	for c, since := range l.idle {
		if oldest == nil || since.Before(l.idle[oldest]) {
			oldest = c
		}
	}
	if oldest != nil && time.Since(l.idle[oldest]) >= l.spared {
		delete(l.idle, oldest)
		_ = oldest.Close()
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
