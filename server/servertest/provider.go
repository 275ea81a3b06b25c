package servertest

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/cryptomate-go/enablement/client/notification"
)

// Provider receives the notifications. It verifies each one with package client/notification, as a real
// provider should, and keeps the genuine ones. It accepts all of them, unless a test makes it fail.
type Provider struct {
	verified http.Handler

	mu       sync.Mutex
	received []notification.Notification
	attempts int
	refused  int
	failures []failure
	hang     chan struct{} // closed when it is over; nil: none
}

// failure is an answer in the place of the real one.
type failure struct {
	status     int
	retryAfter int
}

func newProvider(secret string, c config) (*Provider, error) {
	verifier, err := notification.New([]string{secret}, notification.WithClock(c.clock), notification.WithLogger(c.logger))
	if err != nil {
		return nil, err
	}
	p := &Provider{}
	p.verified = verifier.Handler(func(_ context.Context, n *notification.Notification) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.received = append(p.received, *n)
		return nil
	})
	return p, nil
}

// Received returns the notifications that were verified and accepted, in the order in which they came. A
// notification that was delivered twice is listed once.
func (p *Provider) Received() []notification.Notification {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.received)
}

// Attempts returns how many attempts came, including those that failed on purpose.
func (p *Provider) Attempts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.attempts
}

// Refused returns how many attempts were not genuine. It is 0, unless the test itself sends some.
func (p *Provider) Refused() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused
}

// FailNext answers the next n attempts with 500.
func (p *Provider) FailNext(n int) { p.AnswerNext(n, http.StatusInternalServerError) }

// AnswerNext answers the next n attempts with a status. After a 410, the service gives up. Any other status
// that is not 2xx is a failed attempt.
func (p *Provider) AnswerNext(n, status int) {
	p.fail(n, failure{status: status})
}

// BusyNext answers the next n attempts with 429 and a Retry-After in seconds. The service waits for that
// time, but no longer than the longest wait of its schedule.
func (p *Provider) BusyNext(n, retryAfter int) {
	p.fail(n, failure{status: http.StatusTooManyRequests, retryAfter: retryAfter})
}

func (p *Provider) fail(n int, f failure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = append(p.failures, slices.Repeat([]failure{f}, max(n, 0))...)
}

// Hang makes attempts wait for a response until release is called, or until the test ends. release may be
// called more than once.
func (p *Provider) Hang() (release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hang == nil {
		p.hang = make(chan struct{})
	}
	hang := p.hang
	return func() { p.release(hang) }
}

func (p *Provider) release(hang chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if hang != nil && p.hang == hang {
		close(hang)
		p.hang = nil
	}
}

// end releases who hangs.
func (p *Provider) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hang != nil {
		close(p.hang)
		p.hang = nil
	}
}

// next counts an attempt and says what to do with it.
func (p *Provider) next() (hang chan struct{}, f failure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attempts++
	if len(p.failures) > 0 {
		f = p.failures[0]
		p.failures = p.failures[1:]
	}
	return p.hang, f
}

// ServeHTTP receives an attempt.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	hang, f := p.next()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
			return
		}
	}
	if f.status != 0 {
		if f.retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
		}
		w.WriteHeader(f.status)
		return
	}
	answer := &statusWriter{ResponseWriter: w}
	p.verified.ServeHTTP(answer, r)
	if answer.status != http.StatusNoContent {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.refused++
	}
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
