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
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"

	"github.com/cryptomate-go/enablement/client/internal/gate"
	"github.com/cryptomate-go/enablement/gen/api"
)

// call is one call with all its attempts.
type call struct {
	config
	operation
	asked Call
	named bool // the caller named the key: a call before may have had it
	http  http.Client
	// req is what every attempt sends a copy of.
	req *http.Request
	// decode reads a success, and tells what is odd of it.
	decode   func() (oddities []string, err error)
	attempts []Attempt
	// received is of the last attempt.
	received received
	oddities []string
	began    time.Time
	span     trace.Span // nil without a tracer
}

// Call is what a call asks of the API. An [Error] has it for [Client.Settle].
type Call struct {
	Operation string          // operationId in openapi.yaml, such as submitProduct
	ClientID  string          // of all but createClient and listClients
	RequestID string          // of completeDocumentation and submitProduct
	Client    api.ClientInput // of createClient and updateClient
	Product   api.ProductType // of requestProduct
	Document  string          // of completeDocumentation: the kind of document
	Replace   bool            // of completeDocumentation: whether it may take the place of one
	// At is when it was first sent; zero if that is not known.
	At time.Time
}

// checkID refuses what the API would, and what would change the path of the URL, as ".." does.
func checkID(argument, id string) error {
	if id != "" && len(id) <= 64 && strings.Trim(id, idCharacters) == "" {
		return nil
	}
	// The value is not repeated: what stands where an id should may be anything, a key or an address.
	return fmt.Errorf("%s is not an id, 1 to 64 letters, digits, _ and -; pass the one that the API gave", argument)
}

const idCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

// do makes a call of an operation of the table: it sends what build returns until there is a success, or the
// retry policy says to stop. check holds a success against what was asked for.
func do[T any](ctx context.Context, c *Client, asked Call, opts []CallOption,
	build func(key *string) (*http.Request, error), check func(*T) error,
) (*T, error) {
	call, err := c.newCall(asked, opts)
	if err == nil {
		call.req, err = build(&call.key)
	}
	if err != nil {
		return nil, c.masked(&Error{Operation: asked.Operation, Outcome: NotSent, Err: fmt.Errorf("%w: %w", ErrInvalidInput, err)})
	}
	if call.req.Method == http.MethodGet { // which has no effect
		call.retry.OnlyKnown = false
	}
	var result *T
	call.decode = func() (oddities []string, err error) {
		result, oddities, err = decode(call, check)
		return oddities, err
	}
	call.req.Header.Set("Accept", mediaType)
	call.req.Header.Set("User-Agent", c.userAgent)
	ctx = c.start(ctx, call)
	maps.Copy(call.req.Header, call.header)
	failed := c.repeat(ctx, call)
	call.end(ctx, failed)
	if call.response != nil {
		call.response.fill(c.key, call, failed)
	}
	if failed != nil {
		return nil, failed
	}
	return result, nil
}

// newCall sets up a call, and refuses what is wrong with it.
func (c *Client) newCall(asked Call, opts []CallOption) (*call, error) {
	call := &call{config: c.config, operation: operations[asked.Operation], asked: asked, http: c.http}
	var wrong error
	for _, opt := range opts { // all, so that no Response stays as a call before left it
		wrong = cmp.Or(wrong, opt.setCall(&call.config))
	}
	if wrong != nil {
		return nil, wrong
	}
	if err := checkID("clientID", asked.ClientID); err != nil && call.ids > 0 {
		return nil, err
	}
	if err := checkID("productRequestID", asked.RequestID); err != nil && call.ids > 1 {
		return nil, err
	}
	if sends := asked.Product != "" || asked.Client != (api.ClientInput{}); sends && !utf8.ValidString(fmt.Sprint(asked.Client, asked.Product)) {
		// encoding/json would put other characters in.
		return nil, errors.New("a text is not UTF-8; convert it from the encoding that it is in")
	}
	call.named = call.key != ""
	switch {
	case call.named && !call.keyed:
		return nil, errors.New("WithIdempotencyKey: the operation takes none; it can be repeated without one")
	case call.keyed && !call.named:
		call.key = newUUID()
	}
	call.retry.OnlyKnown = call.retry.OnlyKnown || call.once && !asked.Replace
	call.http.Transport = chain(c.http.Transport.RoundTrip, call.middleware[len(c.middleware):])
	return call, nil
}

// repeat makes attempts until one succeeds or the policy says to stop.
func (c *Client) repeat(ctx context.Context, call *call) *Error {
	deadline := c.deadline(ctx, call)
	var last *Error // of the attempt before
	for n := 1; ; n++ {
		if err := c.enter(ctx, deadline); err != nil {
			return c.unsent(ctx, call, last, err)
		}
		attempt, failed := c.timed(ctx, call, deadline)
		if failed == nil || call.removes && last != nil && last.Outcome == Unknown && failed.gone() {
			c.budget.give(n)
			call.attempts = append(call.attempts, attempt)
			call.attempted(ctx, nil, false)
			return nil
		}
		failed = c.masked(failed)
		again, wait, reason := decide(call.retry, n, failed, time.Until(deadline), rand.Float64())
		// One that waits as long as the server asks is no extra load.
		if again && failed.RetryAfter == 0 && !c.budget.take() {
			again, wait, reason = false, 0, reason+"; too many calls were repeated lately (retry budget)"
		}
		attempt.Outcome, attempt.Cause, attempt.Wait, attempt.Reason = failed.Outcome, failed.Error(), wait, reason
		call.attempts = append(call.attempts, attempt)
		failed.Attempts, failed.IdempotencyKey = slices.Clone(call.attempts), c.key.Mask(call.key)
		asked := call.asked
		if !call.named { // of the call before, nobody here knows
			asked.At = call.attempts[0].At
		}
		failed.asked = func() Call { return asked }
		if call.named && failed.own() != nil {
			failed.Outcome = Unknown // of the call before, under this key
		}
		if last != nil {
			failed.Outcome = failed.Outcome.and(last.Outcome)
		}
		call.attempted(ctx, failed, again)
		if !again {
			return failed
		}
		if failed.StatusCode == http.StatusExpectationFailed { // the server, or a proxy, can't be asked before
			call.req.Header.Del("Expect")
		}
		last = failed
		select {
		case <-time.After(wait):
		case <-ctx.Done(): // which ends it before the next attempt
		}
	}
}

// deadline returns when the call must be over.
func (c *Client) deadline(ctx context.Context, call *call) time.Time {
	at, limited := ctx.Deadline()
	if limited && call.timeout == 0 {
		return at
	}
	most := defaultMaxElapsed + time.Duration(call.retry.MaxAttempts)*patience(call.req)
	if own := time.Now().Add(cmp.Or(call.timeout, c.retry.MaxElapsed, most)); !limited || own.Before(at) {
		return own
	}
	return at
}

// enter waits for the rate gate, which timed leaves.
func (c *Client) enter(ctx context.Context, deadline time.Time) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !time.Now().Before(deadline):
		return context.DeadlineExceeded
	case c.gate == nil:
		return nil
	}
	return c.gate.Enter(ctx, c.gateLimit, deadline)
}

// timed makes an attempt and leaves the rate gate, also when a transport panics.
func (c *Client) timed(ctx context.Context, call *call, deadline time.Time) (attempt Attempt, failed *Error) {
	attempt.At = time.Now()
	defer func() {
		attempt.Duration, attempt.StatusCode = time.Since(attempt.At), call.received.status
		if failed != nil && failed.Err != nil && ctx.Err() != nil { // a whole response says more than that the context ended
			failed.ended, failed.Err = true, withContextError(ctx, failed.Err)
		}
		var block time.Duration
		if failed != nil && failed.Is(ErrRateLimited) {
			failed.RetryAfter = cmp.Or(failed.RetryAfter, gate.Block)
			block = failed.RetryAfter
		}
		if c.gate == nil {
			return
		}
		if held := c.gate.Leave(c.gateLimit, block); failed != nil {
			failed.held = held
		}
	}()
	return attempt, c.attempt(ctx, call, deadline)
}

// unsent ends a call whose next attempt can't be sent: the context ended, or the rate gate won't open in time. What the
// last attempt came to is kept.
func (c *Client) unsent(ctx context.Context, call *call, last *Error, err error) *Error {
	var wait time.Duration
	if held, ok := errors.AsType[*gate.HeldError](err); ok {
		err, wait = fmt.Errorf("%w: %w", ErrRateLimited, err), held.Wait
	}
	err = withContextError(ctx, err)
	ended := &Error{Operation: call.asked.Operation, Outcome: NotSent, IdempotencyKey: call.key, Err: err}
	if last != nil {
		ended = last
		if last.Err == nil {
			last.Err = errors.New(cmp.Or(last.Message, http.StatusText(last.StatusCode)))
		}
		ended.Err = fmt.Errorf("%w before the next attempt; the last one: %w", err, last.Err)
	}
	ended.RetryAfter = max(ended.RetryAfter, wait)
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
