package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cryptomate-go/enablement/client/internal/secret"
)

// attempt sends the call once and reads the response, up to a limit. What is within it is read to its end, so that the
// connection can be used again.
func (c *Client) attempt(ctx context.Context, call *call, deadline time.Time) (failed *Error) {
	call.received = received{}
	timeout := cmp.Or(c.attemptTimeout, defaultAttemptTimeout+patience(call.req))
	attemptCtx, cancel := context.WithTimeout(ctx, min(timeout, time.Until(deadline)))
	defer cancel()
	wire := &wire{refuse: cancel, sender: c.sender}
	req := call.req.WithContext(context.WithValue(attemptCtx, wireKey{}, wire))
	req.Header = maps.Clone(call.req.Header) // a cookie jar or middleware may change it
	if req.GetBody != nil {
		req.Body, _ = req.GetBody() // there is no error: photos are opened later
	}
	if body, ok := req.Body.(*sending); ok {
		body.told, req.GetBody = call.progress, nil // with it, net/http would send the body again by itself
		defer func() { body.end(failed) }()
	}
	resp, err := call.http.Do(req)
	if err != nil {
		return wire.failure(call.asked.Operation, withContextError(attemptCtx, err))
	}
	defer func() { _ = resp.Body.Close() }()
	call.received = received{status: resp.StatusCode, header: resp.Header}
	if resp.StatusCode != http.StatusSwitchingProtocols { // its body is the connection, which has no end and no context
		call.received.body, err = io.ReadAll(io.LimitReader(resp.Body, int64(call.limit(resp.StatusCode))+1))
	}
	if err != nil {
		call.received.err = withContextError(attemptCtx, err)
	}
	return call.result()
}

// failure describes an attempt without a response.
func (w *wire) failure(operationID string, err error) *Error {
	failed := &Error{Operation: operationID, Err: err}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.again && !errors.Is(err, context.DeadlineExceeded) {
		failed.Err = errResend
	}
	// What never got a connection was not sent. A transport that tells nothing may have sent anything.
	if w.tells && w.conn == nil {
		failed.Outcome = NotSent
	}
	return failed
}

// errResend does not say more of the server: the transport tells no reason.
var errResend = errors.New("the transport was about to send the call again by itself, and was stopped")

// sender is next to the transport, below all middleware. It gives the transport what is not for others.
type sender struct {
	next http.RoundTripper
	key  secret.Secret
	// own: next is net/http's, and of this client alone.
	own bool
	// keeps: the last connection was one to keep.
	keeps atomic.Bool
}

// send is a [RoundTripperFunc]. It sends a copy of req, which stays without the key, also in the response.
func (s *sender) send(req *http.Request) (*http.Response, error) {
	sent := req.WithContext(req.Context())
	sent.Header = make(http.Header, len(req.Header)+1)
	maps.Copy(sent.Header, req.Header)
	sent.Header["X-Api-Key"] = []string{s.key.Reveal()}
	// Header names are case-insensitive to every server. Under the usual spelling, net/http's transport takes a
	// POST for repeatable and sends it again by itself when a kept connection breaks, which nobody would count.
	if key, ok := sent.Header[keyHeader]; ok {
		delete(sent.Header, keyHeader)
		sent.Header["idempotency-key"] = key
	}
	sent.Close = !s.keeps.Load() // gotConn sets it again, which a transport that copies the request does not see
	if w, ok := req.Context().Value(wireKey{}).(*wire); ok {
		var err error
		if sent, err = w.watch(sent); err != nil {
			return nil, err
		}
	}
	resp, err := s.next.RoundTrip(sent)
	if err != nil || resp == nil {
		return resp, err
	}
	resp.Request = req
	// Nothing above can follow a redirect, or fail over an address that can't be read.
	if location := resp.Header.Get("Location"); location != "" && resp.StatusCode >= 300 && resp.StatusCode <= 399 {
		resp.Header.Del("Location")
		resp.Header[redirectHost] = []string{hostOf(req.URL, location)}
	}
	return resp, nil
}

const (
	keyHeader = "Idempotency-Key"
	// redirectHost is the header of the host in place of the Location. No server can send it: net/http writes the
	// names of headers that it reads in another way.
	redirectHost = "redirect-host"
)

// hostOf returns the host that a Location leads to, and nothing else of it: the rest may hold a secret.
func hostOf(base *url.URL, location string) string {
	to, err := base.Parse(location)
	if err != nil || to.Host == "" || len(to.Host) > 253+len(":65535") {
		return "an address that can't be read"
	}
	return to.Host
}

// wire is what a transport tells of one attempt, while it runs and maybe longer. One attempt is one sending: a
// transport that is about to send the call again by itself is stopped, so that every sending is counted,
// waits its turn at the rate gate, and is decided on by the retry policy. net/http does so over HTTP/2,
// where a server gives a call back unanswered (RST_STREAM, GOAWAY).
//
// It also sees to it that no connection of HTTP/1 is kept: net/http reads ahead, and writes what it has read
// beyond a response to the global log. A server that sends more than it announces may have repeated the key there.
type wire struct {
	refuse context.CancelFunc // ends the attempt
	sender *sender

	mu  sync.Mutex
	req *http.Request // what the transport was given
	// tells: the transport tells of its connections, or was given nothing. conn is the one that the call is sent on.
	tells bool
	conn  any
	// final: what is written on this connection counts as sent. It does not on a kept one of HTTP/1: if
	// nothing at all could be written because it is dead, net/http rightly takes another one.
	final bool
	// sent: the call was sent. again: it was about to be sent again.
	sent, again bool
}

// wireKey is where a context has its wire.
type wireKey struct{}

// watch returns the request as the transport is given it. If middleware took all the time there was, the transport is given
// nothing.
func (w *wire) watch(req *http.Request) (*http.Request, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ended := req.Context().Err()
	w.tells = w.tells || w.sender.own || ended != nil && w.req == nil
	trace := &httptrace.ClientTrace{GetConn: w.getConn, GotConn: w.gotConn, WroteHeaders: w.wroteHeaders}
	w.req = req.WithContext(httptrace.WithClientTrace(traced{req.Context(), w.sender.key}, trace)) //nolint:contextcheck // it is around the request's
	return w.req, ended
}

// traced is a context whose own httptrace hooks are not told the key.
type traced struct {
	context.Context
	key secret.Secret
}

// Value implements [context.Context].
func (t traced) Value(key any) any {
	value := t.Context.Value(key)
	hooks, ok := value.(*httptrace.ClientTrace)
	if !ok || hooks.WroteHeaderField == nil {
		return value
	}
	masked := *hooks
	masked.WroteHeaderField = func(name string, values []string) {
		shown := make([]string, len(values))
		for i, value := range values {
			shown[i] = t.key.Mask(value)
		}
		hooks.WroteHeaderField(name, shown)
	}
	return &masked
}

// getConn is called before there is a connection.
func (w *wire) getConn(string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tells = true
	w.stopIfSent()
}

// gotConn is called before anything is written on the connection.
func (w *wire) gotConn(info httptrace.GotConnInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	secure, ok := info.Conn.(interface{ ConnectionState() tls.ConnectionState })
	http2 := ok && secure.ConnectionState().NegotiatedProtocol == "h2"
	if w.stopIfSent() {
		if !http2 { // which looks at the context before it writes; HTTP/1 looks after it
			_ = info.Conn.Close()
		}
		return
	}
	w.conn = info.Conn
	w.final = !info.Reused || http2
	w.req.Close = !http2
	w.sender.keeps.Store(http2)
}

func (w *wire) wroteHeaders() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = w.sent || w.final
}

func (w *wire) stopIfSent() bool {
	if w.sent {
		w.again = true
		w.refuse()
	}
	return w.sent
}
