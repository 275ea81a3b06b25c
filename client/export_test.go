package client

import (
	"context"
	"net"
	"net/http"
	"time"
)

// NewSecret is for the tests of how a secret prints.
var NewSecret = newSecret

// Version is what the User-Agent header says.
const Version = version

// HTTPClient returns what c sends with.
func HTTPClient(c *Client) *http.Client { return c.http }

// Transport returns what the transport of c is wrapped around.
func Transport(c *Client) http.RoundTripper { return c.http.Transport.(guard).next }

// BudgetSize is how many repetitions a client may make in a row without a success.
const BudgetSize = budgetSize / budgetPerRetry

// Fault is a failed try, as the retry policy sees it.
type Fault struct {
	Error
	Ended, TimedOut, DontRetry bool
}

// Decide is the retry policy.
func Decide(p RetryPolicy, n int, f Fault, left time.Duration, random float64) (again bool, wait time.Duration, reason string) {
	v := decide(p.withDefaults(), n, &failure{Error: &f.Error, ended: f.Ended, timedOut: f.TimedOut, dontRetry: f.DontRetry}, left, random)
	return v.again, v.wait, v.reason
}

// NewRequest returns what c sends, without the context.
func NewRequest(c *Client, clientID, requestID, idempotencyKey string) (*http.Request, error) {
	return c.newRequest(context.Background(), &call{clientID: clientID, productRequestID: requestID, idempotencyKey: idempotencyKey})
}

// ErrReadReply is in the error of a reply that broke off.
var ErrReadReply = errReadReply

// NewPaced returns a connection as the default transport uses it, with a call on it.
func NewPaced(conn net.Conn) net.Conn {
	c := newPaced(conn)
	c.begin()
	return c
}
