package client

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// Version is what the User-Agent header says.
const Version = version

// Transport returns what c sends with, below the middleware.
func Transport(c *Client) http.RoundTripper { return c.httpClient.Transport }

// BudgetSize is how many repetitions a client may make in a row without a success.
const BudgetSize = budgetSize / budgetPerRetry

// Fault is a failed attempt, as the retry policy sees it.
type Fault struct {
	Error
	Ended, DontRetry bool
}

// Decide is the retry policy, for a submission.
func Decide(p RetryPolicy, n int, f Fault, left time.Duration, random float64) (again bool, wait time.Duration, reason string) {
	f.Operation, f.ended, f.dontRetry = "submitProduct", f.Ended, f.DontRetry
	return decide(p.withDefaults(), n, &f.Error, left, random)
}

// ErrRead is in the error of a response that broke off.
var ErrRead = errRead

// Forget takes out of an error what no two have equal.
func Forget(e *Error) { e.asked, e.held = nil, 0 }

// Operations is the table.
var Operations = operations

// Success, Keyed and Kinds are columns of it.
func (o operation) Success() int { return o.success }
func (o operation) Keyed() bool  { return o.keyed }
func (o operation) IDs() int     { return o.ids }
func (o operation) List() bool   { return o.list }
func (o operation) Kinds() map[int]error {
	kinds := make(map[int]error)
	for _, kind := range o.kinds {
		kinds[kind.status] = kind.err
	}
	return kinds
}

// Do makes a call with a JSON body, as an operation that takes one would.
func Do[T any](ctx context.Context, c *Client, body string) (*T, error) {
	return do(ctx, c, Call{Operation: "submitProduct", ClientID: "c", RequestID: "r"}, nil, func(key *string) (*http.Request, error) {
		req, err := http.NewRequest(http.MethodPost, c.server, strings.NewReader(body))
		if err == nil {
			req.Header.Set("Content-Type", mediaType)
			req.Header.Set(keyHeader, *key)
		}
		return req, err
	}, func(*T) error { return nil })
}
