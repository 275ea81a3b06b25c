package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cryptomate-go/enablement/client/internal/gate"
)

// call is one call with all its attempts.
type call struct {
	config
	operation
	operationID string
	ids         []id
	named       bool // the caller named the key: a call before may have had it
	http        *http.Client
	// req is what every attempt sends a copy of.
	req *http.Request
	// decode reads a success, and tells what is odd of it.
	decode   func() (oddities []string, err error)
	attempts []Attempt
	// received is of the last attempt.
	received received
	oddities []string
}

// id is an id that goes into the path, by the name of its argument and of its attribute in a trace.
type id struct{ name, attribute, value string }

// do makes a call of an operation of the table: it sends what build returns until there is a success, or the
// retry policy says to stop. check holds a success against what was asked for.
func do[T any](ctx context.Context, c *Client, operationID string, ids []id, opts []CallOption,
	build func(key *string) (*http.Request, error), check func(*T) error,
) (*T, error) {
	call, err := c.newCall(operationID, ids, opts)
	if err == nil {
		call.req, err = build(&call.key)
	}
	if err != nil {
		return nil, c.masked(&Error{Operation: operationID, Outcome: NotSent, Err: fmt.Errorf("%w: %w", ErrInvalidInput, err)})
	}
	var result *T
	call.decode = func() (oddities []string, err error) {
		result, oddities, err = decode(call, check)
		return oddities, err
	}
	maps.Copy(call.req.Header, c.ownHeader)
	ctx, observed := c.telemetry.start(ctx, c, call)
	maps.Copy(call.req.Header, call.header)
	failed := c.repeat(ctx, call, observed)
	observed.end(failed)
	if call.response != nil {
		call.response.fill(c.key, call, failed)
	}
	if failed != nil {
		return nil, failed
	}
	return result, nil
}

// newCall refuses what the API would, and what would change the path of the URL, as ".." does.
func (c *Client) newCall(operationID string, ids []id, opts []CallOption) (*call, error) {
	for _, id := range ids {
		// The value is not repeated: what stands where an id should may be anything, a key or an address.
		if id.value == "" || len(id.value) > 64 || strings.Trim(id.value, idCharacters) != "" {
			return nil, fmt.Errorf("%s is not an id, 1 to 64 letters, digits, _ and -; pass the one that the API gave", id.name)
		}
	}
	call := &call{config: c.config, operation: operations[operationID], operationID: operationID, ids: ids, http: c.http}
	for _, opt := range opts {
		if err := opt.setCall(&call.config); err != nil {
			return nil, err
		}
	}
	call.named = call.key != ""
	switch {
	case call.named && !call.keyed:
		return nil, errors.New("WithIdempotencyKey: the operation takes none; it can be repeated without one")
	case call.keyed && !call.named:
		call.key = newUUID()
	}
	if own := call.middleware[len(c.middleware):]; len(own) > 0 {
		around := *c.http
		around.Transport = chain(around.Transport.RoundTrip, own)
		call.http = &around
	}
	return call, nil
}

const idCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

// repeat makes attempts until one succeeds or the policy says to stop.
func (c *Client) repeat(ctx context.Context, call *call, observed observed) *Error {
	deadline := c.deadline(ctx, call)
	var last *Error // of the attempt before
	for n := 1; ; n++ {
		if err := c.enter(ctx, deadline); err != nil {
			return c.unsent(ctx, call, last, err)
		}
		attempt, failed := c.timed(ctx, call, deadline)
		if failed == nil {
			c.budget.give(n)
			call.attempts = append(call.attempts, attempt)
			observed.attempted(n, attempt, nil, false)
			return nil
		}
		failed.Error = c.masked(failed.Error)
		next := decide(call.retry, n, failed, time.Until(deadline), rand.Float64())
		// One that waits as long as the server asks is no extra load.
		if next.again && failed.RetryAfter == 0 && !c.budget.take() {
			next = verdict{reason: next.reason + "; too many calls were repeated lately (retry budget)"}
		}
		attempt.Outcome, attempt.Cause = failed.Outcome, failed.Error.Error()
		attempt.Wait, attempt.Reason = next.wait, next.reason
		call.attempts = append(call.attempts, attempt)
		failed.Attempts, failed.IdempotencyKey = slices.Clone(call.attempts), c.key.Mask(call.key)
		if call.named && failed.own() {
			failed.Outcome = Unknown // of the call before, under this key
		}
		if last != nil {
			failed.Outcome = failed.Outcome.and(last.Outcome)
		}
		observed.attempted(n, attempt, failed.Error, next.again)
		if !next.again {
			return failed.Error
		}
		last = failed.Error
		select {
		case <-time.After(next.wait):
		case <-ctx.Done():
			return c.unsent(ctx, call, last, ctx.Err())
		}
	}
}

// deadline returns when the call must be over.
func (c *Client) deadline(ctx context.Context, call *call) time.Time {
	at, limited := ctx.Deadline()
	if limited && call.timeout == 0 {
		return at
	}
	if own := time.Now().Add(cmp.Or(call.timeout, c.retry.MaxElapsed)); !limited || own.Before(at) {
		return own
	}
	return at
}

// enter waits for the rate gate, which timed leaves.
func (c *Client) enter(ctx context.Context, deadline time.Time) error {
	err := ctx.Err()
	if err == nil && !time.Now().Before(deadline) {
		err = context.DeadlineExceeded
	}
	if err == nil && c.gate != nil {
		err = c.gate.Enter(ctx, c.gateLimit, deadline)
	}
	if held, ok := errors.AsType[*gate.HeldError](err); ok {
		err = fmt.Errorf("%w: %w", ErrRateLimited, held)
	}
	return err
}

// timed makes an attempt and leaves the rate gate, also when a transport panics.
func (c *Client) timed(ctx context.Context, call *call, deadline time.Time) (attempt Attempt, failed *failure) {
	attempt.At = time.Now()
	defer func() {
		attempt.Duration, attempt.StatusCode = time.Since(attempt.At), call.received.status
		if c.gate == nil {
			return
		}
		var block time.Duration
		if failed != nil && failed.Is(ErrRateLimited) {
			failed.RetryAfter = cmp.Or(failed.RetryAfter, gate.Block)
			block = failed.RetryAfter
		}
		if held := c.gate.Leave(c.gateLimit, block); failed != nil {
			failed.held = held
		}
	}()
	return attempt, c.attempt(ctx, call, deadline)
}

// unsent ends a call whose next attempt can't be sent: the context ended, or the rate gate won't open in
// time. What the last attempt came to is kept.
func (c *Client) unsent(ctx context.Context, call *call, last *Error, err error) *Error {
	err = withContextError(ctx, err)
	ended := &Error{Operation: call.operationID, Outcome: NotSent, IdempotencyKey: call.key, Err: err}
	if last != nil {
		ended = last
		if last.Err == nil {
			last.Err = errors.New(cmp.Or(last.Message, http.StatusText(last.StatusCode)))
		}
		ended.Err = fmt.Errorf("%w before the next attempt; the last one: %w", err, last.Err)
	}
	if held, ok := errors.AsType[*gate.HeldError](err); ok {
		ended.RetryAfter = max(ended.RetryAfter, held.Wait)
	}
	return c.masked(ended)
}

// withContextError makes sure that a context's end is seen in the error: with a cause set, net/http
// returns the cause in its place.
func withContextError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("%w: %w", ended, err)
	}
	return err
}
