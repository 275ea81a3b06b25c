package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
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
		failed := reply.failure(fmt.Errorf("%w: the HTTP client's transport followed it", ErrRedirect), c.clock.Now())
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
	if wire.foreign() {
		failed.Err = fmt.Errorf("%w: the HTTP client's transport was about to follow it; the call was given up", ErrRedirect)
	}
	if wire.notSent() {
		failed.Outcome = NotSent
	}
	return failed
}

// wire is what a transport tells of one try, while it runs and maybe longer.
type wire struct {
	// refuse ends the try.
	refuse context.CancelFunc

	mu sync.Mutex
	// target is where the first connection goes, of this client's host or of a proxy.
	target string
	// connected: there was a connection, so something may have been sent.
	connected bool
	// elsewhere: a second connection was to go to another host.
	elsewhere bool
}

func (w *wire) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GetConn: w.getConn, GotConn: w.gotConn})
}

// getConn is called before there is a connection. A transport that asks for one to another host
// than before follows a redirect, and would send the key along.
func (w *wire) getConn(target string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.target == "" {
		w.target = target
	}
	if w.target != target {
		w.elsewhere = true
		w.refuse()
	}
}

func (w *wire) gotConn(httptrace.GotConnInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.connected = true
}

// notSent tells whether it is certain that nothing was sent: the transport asked for a connection
// and never got one. A transport that tells nothing may have sent anything.
func (w *wire) notSent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.target != "" && !w.connected
}

func (w *wire) foreign() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.elsewhere
}

// redirected tells whether the reply is that to another request than the one sent.
func (w *wire) redirected(sent *http.Request, resp *http.Response) bool {
	got := resp.Request
	return w.foreign() || got != nil && (got.Response != nil || got.Method != sent.Method || !sameURL(got.URL, sent.URL))
}

func sameURL(a, b *url.URL) bool {
	return a == b || a != nil && b != nil && a.Scheme == b.Scheme && a.Host == b.Host && a.Path == b.Path && a.RawQuery == b.RawQuery
}
