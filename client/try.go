package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// Names of headers as the client writes them. That of the idempotency key is in lower case on
// purpose: net/http sends it as it is, and header names are case-insensitive to every server. Under
// the usual spelling, net/http's transport takes a POST for repeatable and sends it again by itself
// when a kept connection breaks, which nobody would count.
const (
	keyHeader         = "X-Api-Key"
	idempotencyHeader = "idempotency-key"
)

// try sends the call once and reads the reply.
func (c *Client) try(ctx context.Context, call *call, deadline time.Time) (*api.Submission, *failure) {
	timeout := c.attemptTimeout
	if left := deadline.Sub(c.clock.Now()); left < timeout {
		timeout = left
	}
	tryCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	wire := &wire{refuse: cancel}
	req, err := c.newRequest(wire.watch(tryCtx), call)
	if err != nil { // of a constant method and an empty URL there is none
		return nil, &failure{Error: &Error{Outcome: NotSent, Err: fmt.Errorf("%w: %w", ErrInvalidInput, err)}}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.transportFailure(ctx, tryCtx, wire, err)
	}
	defer func() { _ = resp.Body.Close() }()

	reply := readReply(tryCtx, resp)
	if wire.redirected(req, resp) {
		failed := reply.failure(fmt.Errorf("%w: the HTTP client's transport followed it; check the base URL", ErrRedirect), c.clock.Now())
		failed.Outcome = Unknown // whoever answered
		return nil, failed
	}
	submission, failed := reply.result(call, c.clock.Now())
	if failed != nil {
		failed.ended = ctx.Err() != nil
		if failed.ended {
			failed.Err = withContextError(ctx, failed.Err)
		}
	} else if call.reply != nil {
		call.reply.succeed(c.key, reply)
	}
	return submission, failed
}

// newRequest builds the request that the generated client would, for a fraction of its work; a test
// holds the two against each other.
func (c *Client) newRequest(ctx context.Context, call *call) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "", http.NoBody)
	if err != nil {
		return nil, err
	}
	path := call.clientID + "/products/" + call.productRequestID + "/submit"
	u := *c.base
	u.Path += path
	if u.RawPath != "" {
		u.RawPath += path
	}
	req.URL, req.Host = &u, u.Host
	values := [...]string{c.key.reveal(), call.idempotencyKey, mediaType, c.userAgent}
	req.Header[keyHeader] = values[0:1:1]
	req.Header[idempotencyHeader] = values[1:2:2]
	req.Header["Accept"] = values[2:3:3]
	req.Header["User-Agent"] = values[3:4:4]
	c.telemetry.inject(ctx, req.Header)
	for name, value := range call.header {
		req.Header[name] = []string{value}
	}
	return req, nil
}

// transportFailure describes a try without a reply.
func (c *Client) transportFailure(ctx, tryCtx context.Context, wire *wire, err error) *failure {
	failed := &failure{Error: &Error{Err: withContextError(tryCtx, withContextError(ctx, err))}}
	failed.ended = ctx.Err() != nil
	failed.timedOut = !failed.ended && errors.Is(err, context.DeadlineExceeded)
	if refused := wire.refused(); refused != nil && !failed.timedOut {
		failed.Err = withContextError(ctx, refused)
	}
	if wire.notSent() {
		failed.Outcome = NotSent
	}
	return failed
}

// wire is what a transport tells of one try, while it runs and maybe longer. One try is one sending: a
// transport that is about to send the call again by itself is stopped, so that every sending is counted,
// waits its turn at the rate gate, and is decided on by the retry policy. net/http does so over HTTP/2,
// where a server gives a call back unanswered (RST_STREAM, GOAWAY); a transport of the caller's may, too,
// or follow a redirect and so send the key to another host.
type wire struct {
	// refuse ends the try.
	refuse context.CancelFunc

	trace httptrace.ClientTrace

	mu sync.Mutex
	// req is what the transport was given; keeps is whether the transport's connections are kept.
	req   *http.Request
	keeps *atomic.Bool
	// conn is what the call is sent on; nil means that nothing was sent.
	conn net.Conn
	// targets are the hosts that a connection was asked for, until the call was sent: this client's, a
	// proxy's, or over HTTP/2 through a proxy both.
	targets []string
	// final: what is written on this connection counts as sent. It does not on a kept one of HTTP/1: if
	// nothing at all could be written because it is dead, net/http rightly takes another one.
	final bool
	// sent: the call was sent; answered: something came back.
	sent, answered bool
	// again: the call was about to be sent again; elsewhere is to which other host.
	again     bool
	elsewhere string
}

// wireKey is where a context has its wire.
type wireKey struct{}

func (w *wire) watch(ctx context.Context) context.Context {
	w.trace = httptrace.ClientTrace{
		GetConn: w.getConn, GotConn: w.gotConn, WroteHeaders: w.wroteHeaders, GotFirstResponseByte: w.gotByte,
		PutIdleConn: w.putIdleConn,
	}
	return httptrace.WithClientTrace(context.WithValue(ctx, wireKey{}, w), &w.trace)
}

// carry says before the transport has the request whether its connection is kept, by what the last one
// was; gotConn says it again by what this one is. A transport that copies the request sees the first only.
func (w *wire) carry(req *http.Request, keeps *atomic.Bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.req, w.keeps = req, keeps
	req.Close = !keeps.Load()
}

// getConn is called before there is a connection.
func (w *wire) getConn(target string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.sent {
		w.targets = append(w.targets, target)
		return
	}
	if !slices.Contains(w.targets, target) {
		w.elsewhere = target
	}
	w.stop()
}

// gotConn is called before anything is written on the connection.
func (w *wire) gotConn(info httptrace.GotConnInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sent {
		w.stop()
		if !isHTTP2(info.Conn) { // which looks at the context before it writes; HTTP/1 looks after it
			_ = info.Conn.Close()
		}
		return
	}
	w.conn = info.Conn
	w.final = !info.Reused || isHTTP2(info.Conn)
	own, ours := info.Conn.(*paced)
	if ours {
		own.begin()
	}
	if w.req != nil {
		keep := ours || isHTTP2(info.Conn)
		w.req.Close = !keep
		w.keeps.Store(keep)
	}
}

// putIdleConn is called before anything more is read of a connection that is kept.
func (w *wire) putIdleConn(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if own, ours := w.conn.(*paced); ours && err == nil {
		own.end()
	}
}

func (w *wire) wroteHeaders() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = w.sent || w.final
}

func (w *wire) gotByte() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent, w.answered = true, true
}

// stop ends the try. The caller holds the lock.
func (w *wire) stop() {
	w.again = true
	w.refuse()
}

// isHTTP2 tells whether conn speaks HTTP/2, by what was agreed on with TLS.
func isHTTP2(conn net.Conn) bool {
	secure, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	return ok && secure.ConnectionState().NegotiatedProtocol == "h2"
}

// notSent tells whether it is certain that nothing was sent: the transport asked for a connection
// and never got one. A transport that tells nothing may have sent anything.
func (w *wire) notSent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.targets) > 0 && w.conn == nil
}

// refused returns why the try was stopped, nil if it was not.
func (w *wire) refused() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.elsewhere != "":
		return fmt.Errorf("%w: the HTTP client's transport was about to follow it to %s; the call was given up; check the base URL",
			ErrRedirect, w.elsewhere)
	case w.again && w.answered:
		return fmt.Errorf("%w, or a repetition of the HTTP client's transport: it was about to send the answered call again; "+
			"the call was given up", ErrRedirect)
	case w.again:
		return errResend
	}
	return nil
}

// errResend is why a try was stopped. It does not say more of the server: the transport tells no reason.
var errResend = errors.New("there was no response, and the transport was about to send the call again by itself")

// redirected tells whether the reply is that to another request than the one sent.
func (w *wire) redirected(sent *http.Request, resp *http.Response) bool {
	got := resp.Request
	return errors.Is(w.refused(), ErrRedirect) || got != nil && (got.Response != nil || got.Method != sent.Method || !sameURL(got.URL, sent.URL))
}

func sameURL(a, b *url.URL) bool {
	return a == b || a != nil && b != nil && a.Scheme == b.Scheme && a.Host == b.Host && a.Path == b.Path && a.RawQuery == b.RawQuery
}
