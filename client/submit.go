package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cryptomate-go/enablement/gen/api"
)

// SubmitProduct evaluates a pending request of a client again. Nothing left missing: the request
// moves to [api.InKyc] and the provider is notified. Something left: its status is
// [api.PendingDocumentation], and the submission says what is missing and which stored items were
// rejected. A request that is not pending any more is [ErrNotPending].
//
// A try that fails is repeated as the [RetryPolicy] says, under one Idempotency-Key: the server
// admits one transition of a request, so repeating is safe.
//
// Either the submission or the error is nil, never both; the error is an [*Error], and its Outcome
// says whether the request may have been submitted all the same.
func (c *Client) SubmitProduct(ctx context.Context, clientID, productRequestID string, opts ...CallOption) (*api.Submission, error) {
	call, err := c.newCall(clientID, productRequestID, opts)
	if err != nil {
		return nil, c.masked(&Error{Outcome: NotSent, Err: fmt.Errorf("%w: %w", ErrInvalidInput, err)})
	}
	ctx, observed := c.telemetry.start(ctx, c, call)
	submission, failed := c.run(ctx, call, observed)
	observed.end(failed)
	if failed != nil {
		return nil, failed
	}
	return submission, nil
}

// newCall refuses what the API would, and what would change the path of the URL, as ".." does.
func (c *Client) newCall(clientID, productRequestID string, opts []CallOption) (*call, error) {
	if err := checkID("clientID", clientID); err != nil {
		return nil, err
	}
	if err := checkID("productRequestID", productRequestID); err != nil {
		return nil, err
	}
	call := &call{clientID: clientID, productRequestID: productRequestID, strict: c.strict}
	for _, opt := range opts {
		if err := opt(call); err != nil {
			return nil, err
		}
	}
	if call.idempotencyKey == "" {
		call.idempotencyKey = c.newKey()
		if err := checkIdempotencyKey(call.idempotencyKey); err != nil {
			return nil, fmt.Errorf("WithIdempotencyKeys: %w", err)
		}
	}
	if call.reply != nil {
		*call.reply = Reply{IdempotencyKey: c.key.mask(call.idempotencyKey)}
	}
	return call, nil
}

// run tries the call until it succeeds or the policy says to stop.
func (c *Client) run(ctx context.Context, call *call, observed observed) (*api.Submission, *Error) {
	deadline := c.deadline(ctx, call)
	policy := c.retry
	if call.tries > 0 {
		policy.MaxTries = call.tries
	}
	var last *Error // of the try before
	for n := 1; ; n++ {
		if err := c.enterGate(ctx, deadline); err != nil {
			return nil, c.unsent(ctx, call, last, err)
		}
		submission, attempt, failed := c.timed(ctx, call, deadline)
		if failed == nil {
			c.budget.give(n)
			attempt.StatusCode = http.StatusOK
			observed.tried(n, attempt, nil, false)
			if call.reply != nil {
				call.reply.Attempts = append(call.reply.Attempts, attempt)
			}
			return submission, nil
		}
		failed.Error = c.masked(failed.Error)
		next := c.next(policy, n, failed, deadline.Sub(c.clock.Now()))
		attempt.StatusCode, attempt.Outcome, attempt.Cause = failed.StatusCode, failed.Outcome, failed.Error.Error()
		attempt.Wait, attempt.Reason = next.wait, next.reason
		if call.mayRepeat && failed.Is(ErrNotPending) {
			failed.Outcome = Unknown // of the call before, under this key
		}
		failed.follow(last, attempt, c.key.mask(call.idempotencyKey))
		observed.tried(n, attempt, failed.Error, next.again)
		call.reply.fail(failed.Error)
		if !next.again {
			return nil, failed.Error
		}
		last = failed.Error
		if err := wait(ctx, c.clock, next.wait); err != nil {
			return nil, c.unsent(ctx, call, last, err)
		}
	}
}

// timed tries the call once and leaves the rate gate that it entered, also when a transport panics.
func (c *Client) timed(ctx context.Context, call *call, deadline time.Time) (submission *api.Submission, attempt Attempt, failed *failure) {
	attempt.At = c.clock.Now()
	defer func() {
		now := c.clock.Now()
		attempt.Duration = now.Sub(attempt.At)
		c.leaveGate(now, failed)
	}()
	submission, failed = c.try(ctx, call, deadline)
	return submission, attempt, failed
}

// deadline returns when the call must be over.
func (c *Client) deadline(ctx context.Context, call *call) time.Time {
	byContext, limited := ctx.Deadline()
	bound := call.timeout
	if bound == 0 {
		if limited {
			return byContext
		}
		bound = c.retry.MaxElapsed
	}
	at := c.clock.Now().Add(bound)
	if limited && byContext.Before(at) {
		return byContext
	}
	return at
}

// next decides what comes after a failed try, with regard to what all calls spent on repetitions.
func (c *Client) next(policy RetryPolicy, n int, failed *failure, left time.Duration) verdict {
	v := decide(policy, n, failed, left, random())
	// One that waited as long as the server asked is no extra load.
	if v.again && failed.RetryAfter == 0 && !c.budget.take() {
		return verdict{reason: v.reason + "; too many calls were repeated lately (retry budget)"}
	}
	return v
}

// follow makes the failed try part of the call: it adds the tries before, and what they may have done.
func (e *Error) follow(last *Error, attempt Attempt, idempotencyKey string) {
	e.IdempotencyKey = idempotencyKey
	if last != nil {
		e.Attempts = last.Attempts
		e.Outcome = e.Outcome.and(last.Outcome)
	}
	e.Attempts = append(e.Attempts, attempt)
}

// unsent ends a call whose next try can't be sent: the context ended, or the rate gate won't open in
// time. What the last try came to is kept.
func (c *Client) unsent(ctx context.Context, call *call, last *Error, err error) *Error {
	err = withContextError(ctx, err)
	ended := last
	switch {
	case last == nil:
		ended = &Error{Outcome: NotSent, IdempotencyKey: call.idempotencyKey, Err: err}
	case last.Err != nil:
		ended.Err = fmt.Errorf("%w before the next try; the last one: %w", err, last.Err)
	default:
		ended.Err = fmt.Errorf("%w before the next try; the last one: %s", err, cmp.Or(last.Message, http.StatusText(last.StatusCode)))
	}
	if held, ok := errors.AsType[*gateError](err); ok {
		ended.RetryAfter = max(ended.RetryAfter, held.wait)
	}
	call.reply.fail(ended)
	return c.masked(ended)
}

func (c *Client) enterGate(ctx context.Context, deadline time.Time) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !c.clock.Now().Before(deadline):
		return context.DeadlineExceeded
	case c.gate == nil:
		return nil
	}
	return c.gate.enter(ctx, c.clock, c.gateLimit, deadline)
}

func (c *Client) leaveGate(now time.Time, failed *failure) {
	if c.gate == nil {
		return
	}
	if failed != nil && failed.Is(ErrRateLimited) {
		failed.RetryAfter = cmp.Or(failed.RetryAfter, defaultBlock)
		c.gate.block(now.Add(failed.RetryAfter))
	}
	c.gate.leave(now)
	if failed != nil {
		failed.held = c.gate.hold(now, c.gateLimit)
	}
}

// maxID is the longest id, as the Id schema of openapi.yaml has it.
const maxID = 64

// checkID holds an id against the pattern of the Id schema. It doesn't repeat the id: what stands
// where an id should may be anything, a key or an e-mail address, too.
func checkID(name, id string) error {
	if id == "" {
		return fmt.Errorf("%s is empty; pass the id that the API gave", name)
	}
	if len(id) > maxID {
		return fmt.Errorf("%s has %d bytes, and an id at most %d; pass the id that the API gave", name, len(id), maxID)
	}
	for _, r := range id {
		switch {
		case 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '_', r == '-':
		default:
			return fmt.Errorf("%s holds %q, and an id only letters, digits, _ and -; pass the id that the API gave", name, r)
		}
	}
	return nil
}

// withContextError makes sure that a context's end is seen in the error: with a cause set, net/http
// returns the cause in its place.
func withContextError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("%w: %w", ended, err)
	}
	return err
}
