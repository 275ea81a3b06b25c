package client_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

// TestDecide is the table of what is repeated; doc.go has it for readers.
func TestDecide(t *testing.T) {
	t.Parallel()
	const left = time.Minute
	status := func(status int) client.Fault {
		outcome := client.Unknown
		if status >= 400 && status < 500 && status != 408 {
			outcome = client.Refused
		}
		return client.Fault{Error: client.Error{StatusCode: status, Outcome: outcome}}
	}
	transport := func(outcome client.Outcome, err error) client.Fault {
		return client.Fault{Error: client.Error{Outcome: outcome, Err: err}}
	}
	with := func(f client.Fault, change func(*client.Fault)) client.Fault {
		change(&f)
		return f
	}
	response := func(err error) client.Fault {
		return client.Fault{Error: client.Error{StatusCode: 200, Err: fmt.Errorf("%w: %w", client.ErrInvalidResponse, err)}}
	}
	retryAfter := func(d time.Duration) func(*client.Fault) { return func(f *client.Fault) { f.RetryAfter = d } }
	timedOut := transport(client.Unknown, context.DeadlineExceeded)

	for _, tt := range []struct {
		name   string
		fault  client.Fault
		again  bool
		reason string
	}{
		{"dial", transport(client.NotSent, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), true, "not sent"},
		{"DNS", transport(client.NotSent, &net.DNSError{Err: "no such host", IsNotFound: true}), true, "not sent"},
		{"TLS handshake", transport(client.NotSent, io.EOF), true, "not sent"},
		{"certificate", transport(client.NotSent, &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), false, "certificate"},
		{"dial timeout", with(timedOut, func(f *client.Fault) { f.Outcome = client.NotSent }), true, "not sent"},
		{"reset before the request was written", transport(client.Unknown, syscall.EPIPE), true, "connection broke"},
		{"reset after the request was written", transport(client.Unknown, syscall.ECONNRESET), true, "connection broke"},
		{"closed before the response", transport(client.Unknown, io.EOF), true, "connection broke"},
		{"attempt timeout", timedOut, true, "attempt timeout"},
		{"context canceled", with(transport(client.Unknown, context.Canceled), func(f *client.Fault) { f.Ended = true }), false, "context ended"},
		{"context ended within an error response", with(status(503), func(f *client.Fault) { f.Ended = true }), false, "context ended"},

		{"200 that broke off", response(fmt.Errorf("%w: %w", client.ErrRead, io.ErrUnexpectedEOF)), true, "not intact"},
		{"200 with cut JSON", response(api.DecodeJSON([]byte(`{"product":{"id`), new(api.EvaluatedProduct))), true, "not intact"},
		{"200 without a body", response(api.DecodeJSON(nil, new(api.EvaluatedProduct))), true, "not intact"},
		{"200 with HTML", response(api.DecodeJSON([]byte(`<html>`), new(api.EvaluatedProduct))), false, "not the API's"},
		{"200 of another kind", response(errors.New("the media type is text/html")), false, "not the API's"},
		{"201", status(201), false, "201 is final"},
		{"302", status(302), false, "302 is final"},
		{"307", status(307), false, "307 is final"},
		{"400", status(400), false, "400 is final"},
		{"401", status(401), false, "401 is final"},
		{"403", status(403), false, "403 is final"},
		{"404", status(404), false, "404 is final"},
		{"408", status(408), true, "408 may pass"},
		{"409 VAL", with(status(409), func(f *client.Fault) { f.Code = api.CodeVal }), false, "409 is final"},
		{"409 without a code", status(409), false, "409 is final"},
		{
			"409 still running", with(status(409), func(f *client.Fault) { f.Code = api.CodeIdempotencyInProgress }),
			true, "still runs",
		},
		{"412", status(412), false, "412 is final"},
		{"413", status(413), false, "413 is final"},
		{"417", status(417), true, "417 may pass without the header Expect"},
		{"422", status(422), false, "422 is final"},
		{"429", status(429), true, "429 may pass"},
		{"500", status(500), true, "500 may pass"},
		{"501", status(501), false, "501 is final"},
		{"502", status(502), true, "502 may pass"},
		{"503", status(503), true, "503 may pass"},
		{"504", status(504), true, "504 may pass"},
		{"505", status(505), false, "505 is final"},
		{"506", status(506), false, "506 is final"},
		{"507", status(507), false, "507 is final"},
		{"511", status(511), false, "511 is final"},
		{"519", status(519), false, "519 is final"},
		{"520", status(520), true, "520 may pass"},
		{"522", status(522), true, "522 may pass"},
		{"529", status(529), true, "529 may pass"},
		{"530", status(530), true, "530 may pass"},
		{"531", status(531), false, "531 is final"},
		{"598", status(598), false, "598 is final"},
		{"599", status(599), false, "599 is final"},
		{"the server asks not to", with(status(503), func(f *client.Fault) { f.DontRetry = true }), false, "asks not to repeat"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			again, wait, reason := client.Decide(client.RetryPolicy{}, 1, tt.fault, left, 0.5)
			require.Equal(t, tt.again, again, reason)
			require.Contains(t, reason, tt.reason)
			if again {
				require.Equal(t, 100*time.Millisecond, wait)
			} else {
				require.Zero(t, wait)
			}

			again, _, reason = client.Decide(client.RetryPolicy{}, 3, tt.fault, left, 0.5)
			require.False(t, again, "after the last attempt")
			if tt.again {
				require.Contains(t, reason, "that was attempt 3 of 3")
			}

			again, _, _ = client.Decide(client.RetryPolicy{OnlyKnown: true}, 1, tt.fault, left, 0.5)
			require.Equal(t, tt.again && tt.fault.Outcome != client.Unknown, again, "only what is known to have failed")

			patient := tt.fault
			patient.RetryAfter = 30 * time.Second
			again, wait, _ = client.Decide(client.RetryPolicy{}, 1, patient, left, 0.5)
			server := tt.fault.StatusCode >= 500 && tt.fault.Err == nil && !tt.fault.Ended && !tt.fault.DontRetry
			require.Equal(t, tt.again || server, again, "a 5xx that says when to come back may pass, whichever it is")
			if again {
				require.Equal(t, 30*time.Second, wait, "in full")
			}
		})
	}

	t.Run("deadline", func(t *testing.T) {
		t.Parallel()
		again, _, reason := client.Decide(client.RetryPolicy{}, 1, with(status(429), retryAfter(time.Minute)), time.Minute, 0)
		require.False(t, again)
		require.Contains(t, reason, "the deadline is before the next attempt, in 1m0s")
		again, _, _ = client.Decide(client.RetryPolicy{}, 1, with(status(429), retryAfter(time.Minute-1)), time.Minute, 0)
		require.True(t, again)
		again, _, _ = client.Decide(client.RetryPolicy{}, 1, status(500), 0, 0)
		require.False(t, again)
		again, _, _ = client.Decide(client.RetryPolicy{}, 1, status(500), 100*time.Millisecond, 0.5)
		require.False(t, again)
	})

	t.Run("backoff", func(t *testing.T) {
		t.Parallel()
		policy := client.RetryPolicy{MaxAttempts: 10, BaseDelay: time.Second, MaxDelay: 10 * time.Second}
		for n, most := range []time.Duration{0, 1, 2, 4, 8, 10, 10, 10, 10, 10} {
			if n == 0 {
				continue
			}
			for _, random := range []float64{0, 0.25, 0.999} {
				_, wait, _ := client.Decide(policy, n, status(500), time.Hour, random)
				require.InDelta(t, random*float64(most*time.Second), wait, 1)
			}
		}
		huge := client.RetryPolicy{MaxAttempts: 10, BaseDelay: 1 << 62, MaxDelay: 1<<63 - 1}
		_, wait, _ := client.Decide(huge, 9, status(500), 1<<63-1, 0.5)
		require.Positive(t, wait)
	})
}

func TestWithRetry_refuses(t *testing.T) {
	t.Parallel()
	for want, policy := range map[string]client.RetryPolicy{
		"MaxAttempts is -1":       {MaxAttempts: -1},
		"MaxAttempts is 11":       {MaxAttempts: 11},
		"BaseDelay is negative":   {BaseDelay: -1},
		"MaxDelay is negative":    {MaxDelay: -1},
		"MaxDelay is 1ms, less":   {MaxDelay: time.Millisecond},
		"less than the BaseDelay": {BaseDelay: 2, MaxDelay: 1},
		"MaxElapsed is negative":  {MaxElapsed: -1},
	} {
		_, err := client.New(key, client.WithRetry(policy))
		require.ErrorContains(t, err, "client: WithRetry: ")
		require.ErrorContains(t, err, want)
	}
}

// played is a transport that answers from a script, the last line again and again, without a network:
// within a synctest bubble the waits between take no time.
type played struct {
	mu    sync.Mutex
	lines []func(req *http.Request) (*http.Response, error)
	at    []time.Time
	keys  []string
}

func (p *played) RoundTrip(req *http.Request) (*http.Response, error) {
	p.mu.Lock()
	line := p.lines[min(len(p.at), len(p.lines)-1)]
	p.at = append(p.at, time.Now())
	p.keys = append(p.keys, idempotencyKeyOf(req))
	p.mu.Unlock()
	return line(req)
}

// sent returns how often something was sent, also while calls are under way.
func (p *played) sent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.at)
}

// says is a line of the script.
func says(status int, body string, header ...string) func(req *http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		resp := &http.Response{
			StatusCode: status, Request: req, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(body)),
		}
		for i := 0; i < len(header); i += 2 {
			resp.Header.Set(header[i], header[i+1])
		}
		return resp, nil
	}
}

// breaks is a line of the script.
func breaks(err error) func(req *http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// playing returns a client of a script, at an address of the test's own.
func playing(t *testing.T, p *played, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(key, append([]client.Option{
		client.WithHTTPClient(&http.Client{Transport: p}), client.WithBaseURL(ownURL(t)),
	}, opts...)...)
	require.NoError(t, err)
	return c
}

// ownURL is an address of the test's own, as clients of one address share a rate gate.
func ownURL(t *testing.T) string {
	url, _ := ownURLs.LoadOrStore(t, fmt.Sprintf("https://%x.example", rand.Text()))
	return url.(string)
}

var ownURLs sync.Map

const notPending = `{"code":"VAL","message":"The enablement request is not pending documentation","trace_id":"` + trace + `"}`

func TestClient_SubmitProduct_retries(t *testing.T) {
	t.Parallel()
	done := says(200, seed(t))
	reset := breaks(syscall.ECONNRESET)
	tooMany := says(429, `{"error_code":"TOO_MANY_REQUESTS","message":"m"}`, "Retry-After", "4")
	for _, tt := range []struct {
		name     string
		lines    []func(*http.Request) (*http.Response, error)
		opts     []client.CallOption
		attempts int
		err      error
		outcome  client.Outcome
		text     string
		// atLeast is how long it must have taken; backoff adds some.
		atLeast time.Duration
	}{
		{name: "at once", lines: []func(*http.Request) (*http.Response, error){done}, attempts: 1},
		{name: "lost response", lines: []func(*http.Request) (*http.Response, error){reset, done}, attempts: 2},
		{name: "down for a moment", lines: []func(*http.Request) (*http.Response, error){says(503, ""), says(502, "<html>"), done}, attempts: 3},
		{name: "block", lines: []func(*http.Request) (*http.Response, error){tooMany, tooMany, done}, attempts: 3, atLeast: 8 * time.Second},
		{
			name: "still running", attempts: 2, atLeast: time.Second,
			lines: []func(*http.Request) (*http.Response, error){says(409, `{"code":"IDEMPOTENCY_IN_PROGRESS"}`, "Retry-After", "1"), done},
		},
		{
			name: "broken JSON", attempts: 2,
			lines: []func(*http.Request) (*http.Response, error){says(200, seed(t)[:100]), done},
		},
		{
			name: "all attempts in vain", lines: []func(*http.Request) (*http.Response, error){says(500, `{"code":"SERVER_ERROR","message":"m"}`)},
			attempts: 3, err: client.ErrServer, outcome: client.Unknown, text: "submit product: 500 SERVER_ERROR: m",
		},
		{
			name: "attempts of the call", lines: []func(*http.Request) (*http.Response, error){says(500, "")},
			opts: []client.CallOption{client.WithAttempts(5)}, attempts: 5, err: client.ErrServer,
		},
		{
			name: "refused", lines: []func(*http.Request) (*http.Response, error){says(409, notPending)},
			attempts: 1, err: client.ErrNotPending, outcome: client.Refused,
			text: "submit product: 409 VAL: The enablement request is not pending documentation (trace " + trace + ")",
		},
		{
			name: "not pending after a lost response", lines: []func(*http.Request) (*http.Response, error){reset, says(409, notPending)},
			attempts: 2, err: client.ErrNotPending, outcome: client.Unknown,
			text: "submit product: 409 VAL: The enablement request is not pending documentation (trace " + trace +
				"); an earlier attempt under this idempotency key may have submitted it: list the client's products to see its status, in_kyc means that it was submitted",
		},
		{
			name: "not pending after a block", lines: []func(*http.Request) (*http.Response, error){tooMany, says(409, notPending)},
			attempts: 2, err: client.ErrNotPending, outcome: client.Refused, atLeast: 4 * time.Second,
		},
		{
			name: "not pending after an error of the server", lines: []func(*http.Request) (*http.Response, error){says(503, ""), says(409, notPending)},
			attempts: 2, err: client.ErrNotPending, outcome: client.Unknown,
		},
		{
			name: "not pending under a named key, without a code", attempts: 1, err: client.ErrNotPending, outcome: client.Unknown,
			lines: []func(*http.Request) (*http.Response, error){says(409, `{"message":"m"}`)},
			opts:  []client.CallOption{client.WithIdempotencyKey("of-a-call-before")},
			text: "submit product: 409: m; an earlier attempt under this idempotency key may have submitted it: " +
				"list the client's products to see its status, in_kyc means that it was submitted",
		},
		{
			name: "not found under a named key", attempts: 1, err: client.ErrNotFound, outcome: client.Refused,
			lines: []func(*http.Request) (*http.Response, error){says(404, "")},
			opts:  []client.CallOption{client.WithIdempotencyKey("of-a-call-before")},
		},
		{
			name: "unauthorized after a lost response", lines: []func(*http.Request) (*http.Response, error){reset, says(401, "")},
			attempts: 2, err: client.ErrUnauthorized, outcome: client.Unknown,
		},
		{
			name: "a block that ends after the deadline", lines: []func(*http.Request) (*http.Response, error){tooMany},
			opts:     []client.CallOption{client.WithTimeout(3 * time.Second)},
			attempts: 1, err: client.ErrRateLimited, outcome: client.Refused,
		},
		{
			name: "a wait that nobody would", lines: []func(*http.Request) (*http.Response, error){says(503, "", "Retry-After", "86400")},
			attempts: 1, err: client.ErrServer,
		},
		{
			name: "the server asks not to repeat", lines: []func(*http.Request) (*http.Response, error){says(503, "", "X-Should-Retry", "false"), done},
			attempts: 1, err: client.ErrServer,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &played{lines: tt.lines}
				c := playing(t, p)
				var response client.Response
				began := time.Now()
				submission, err := c.SubmitProduct(t.Context(), clientID, requestID, append(tt.opts, client.WithResponse(&response))...)
				require.GreaterOrEqual(t, time.Since(began), tt.atLeast)
				require.Less(t, time.Since(began), tt.atLeast+4*time.Second)
				require.Len(t, p.at, tt.attempts)
				require.Len(t, response.Attempts, tt.attempts)
				for i, key := range p.keys {
					require.Equal(t, response.IdempotencyKey, key, "one key per call, the same on every attempt")
					require.Equal(t, p.at[i], response.Attempts[i].At)
				}
				if tt.err == nil {
					require.NoError(t, err)
					require.Equal(t, api.InKyc, submission.Product.Status)
					require.Equal(t, 200, response.StatusCode)
					require.JSONEq(t, seed(t), string(response.Body))
					return
				}
				failed := failure(t, submission, err)
				require.ErrorIs(t, failed, tt.err)
				require.Equal(t, tt.outcome, failed.Outcome)
				require.Equal(t, response.Attempts, failed.Attempts)
				require.Equal(t, response.IdempotencyKey, failed.IdempotencyKey)
				require.Equal(t, failed.StatusCode, response.StatusCode)
				for _, attempt := range failed.Attempts {
					require.NotEmpty(t, attempt.Cause)
					require.NotEmpty(t, attempt.Reason)
				}
				if tt.text != "" {
					require.EqualError(t, failed, tt.text)
				}
			})
		})
	}
}

// TestClient_SubmitProduct_waitsAsSaid: the wait that the attempt and the log tell of is the one that
// happens, with the rate gate and without it.
func TestClient_SubmitProduct_waitsAsSaid(t *testing.T) {
	t.Parallel()
	inAMoment := []string{"Date", "Thu, 16 Apr 2026 09:20:00 GMT", "Retry-After", "Thu, 16 Apr 2026 09:20:07 UTC"}
	for _, tt := range []struct {
		name   string
		status int
		header []string
		opts   []client.Option
		wait   time.Duration // 0: whatever it is
	}{
		{name: "whole seconds", status: 429, header: []string{"Retry-After", "4"}, wait: 4 * time.Second},
		{name: "a fraction", status: 429, header: []string{"Retry-After", "1.5"}, wait: 1500 * time.Millisecond},
		{name: "a fraction that is rounded up", status: 429, header: []string{"Retry-After", "3.20001"}, wait: 3201 * time.Millisecond},
		{name: "a fraction of another status", status: 503, header: []string{"Retry-After", "3.2"}, wait: 3200 * time.Millisecond},
		{name: "a date", status: 429, header: inAMoment, wait: 7 * time.Second},
		{name: "a block that does not say how long", status: 429, wait: time.Second},
		{name: "a block that says nothing", status: 429, header: []string{"Retry-After", "0"}, wait: time.Second},
		{name: "a block that does not say how long, no gate", status: 429, opts: []client.Option{client.WithoutRateGate()}, wait: time.Second},
		{name: "a block, no gate", status: 429, header: []string{"Retry-After", "1.5"}, opts: []client.Option{client.WithoutRateGate()}, wait: 1500 * time.Millisecond},
		{name: "backoff", status: 500},
		{name: "backoff shorter than the gate's window", status: 500, opts: []client.Option{client.WithRateLimit(1)}, wait: time.Second},
		{name: "522", status: 522, header: []string{"Retry-After", "1"}, wait: time.Second},
		{name: "529", status: 529, header: []string{"Retry-After", "1"}, wait: time.Second},
		{name: "501", status: 501, header: []string{"Retry-After", "2"}, wait: 2 * time.Second},
		{name: "505", status: 505, header: []string{"Retry-After", "2"}, wait: 2 * time.Second},
		{name: "599", status: 599, header: []string{"Retry-After", "0.1"}, wait: 100 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				p := &played{lines: []func(*http.Request) (*http.Response, error){says(tt.status, "", tt.header...), says(200, seed(t))}}
				c := playing(t, p, append(tt.opts, client.WithLogger(slog.New(slog.NewJSONHandler(&log, nil))))...)
				var response client.Response
				_, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
				require.NoError(t, err)
				require.Len(t, p.at, 2)
				require.Equal(t, p.keys[0], p.keys[1], "under one key")
				said := response.Attempts[0].Wait
				require.Equal(t, said, p.at[1].Sub(p.at[0]))
				require.Contains(t, log.String(), `"wait":`+strconv.FormatInt(int64(said), 10))
				if tt.wait != 0 {
					require.Equal(t, tt.wait, said)
				}
			})
		})
	}
}

// TestClient_SubmitProduct_cancelWhileWaiting cancels in the middle of what the server asked to wait.
func TestClient_SubmitProduct_cancelWhileWaiting(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]func(*http.Request) (*http.Response, error){
		"block":       says(429, `{"code":"TOO_MANY_REQUESTS","message":"slow down"}`, "Retry-After", "60", "X-Trace-Id", trace),
		"unavailable": says(503, "", "Retry-After", "60", "X-Trace-Id", trace),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &played{lines: []func(*http.Request) (*http.Response, error){line}}
				c := playing(t, p)
				cause := errors.New("shutting down")
				ctx, cancel := context.WithCancelCause(t.Context())
				began := time.Now()
				time.AfterFunc(20*time.Second, func() { cancel(cause) })
				submission, err := c.SubmitProduct(ctx, clientID, requestID)
				require.Equal(t, 20*time.Second, time.Since(began), "it returns at once")
				failed := failure(t, submission, err)
				require.ErrorIs(t, failed, context.Canceled)
				require.Len(t, failed.Attempts, 1)
				require.Equal(t, time.Minute, failed.Attempts[0].Wait)
				require.Equal(t, trace, failed.TraceID, "the last response is kept")
				require.NotZero(t, failed.StatusCode)
				require.Equal(t, time.Minute, failed.RetryAfter)
			})
		})
	}
}

// TestClient_SubmitProduct_deadlines never goes on past a deadline.
func TestClient_SubmitProduct_deadlines(t *testing.T) {
	t.Parallel()
	hang := func(req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	for _, tt := range []struct {
		name     string
		ctx      time.Duration
		opts     []client.Option
		call     []client.CallOption
		took     time.Duration
		attempts int
	}{
		{name: "by default three attempts", took: 90 * time.Second, attempts: 3},
		{name: "attempt timeout", opts: []client.Option{client.WithAttemptTimeout(time.Second)}, took: 3 * time.Second, attempts: 3},
		{name: "context", ctx: 40 * time.Second, took: 40 * time.Second, attempts: 2},
		{name: "timeout of the call", call: []client.CallOption{client.WithTimeout(10 * time.Second)}, took: 10 * time.Second, attempts: 1},
		{name: "the earlier counts", ctx: 5 * time.Second, call: []client.CallOption{client.WithTimeout(10 * time.Second)}, took: 5 * time.Second, attempts: 1},
		{name: "the earlier counts, the other way", ctx: 20 * time.Second, call: []client.CallOption{client.WithTimeout(10 * time.Second)}, took: 10 * time.Second, attempts: 1},
		{
			name: "of the policy", took: 50 * time.Second, attempts: 2,
			opts: []client.Option{client.WithRetry(client.RetryPolicy{MaxElapsed: 50 * time.Second})},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &played{lines: []func(*http.Request) (*http.Response, error){hang}}
				c := playing(t, p, tt.opts...)
				ctx := t.Context()
				if tt.ctx > 0 {
					var cancel func()
					ctx, cancel = context.WithTimeout(ctx, tt.ctx)
					defer cancel()
				}
				began := time.Now()
				submission, err := c.SubmitProduct(ctx, clientID, requestID, tt.call...)
				failed := failure(t, submission, err)
				require.ErrorIs(t, failed, context.DeadlineExceeded)
				require.Equal(t, client.Unknown, failed.Outcome)
				require.Len(t, failed.Attempts, tt.attempts)
				require.InDelta(t, tt.took, time.Since(began), float64(time.Second))
				if tt.took < 90*time.Second {
					require.LessOrEqual(t, time.Since(began), tt.took+time.Second)
				}
			})
		})
	}
	t.Run("over before it begins", func(t *testing.T) {
		t.Parallel()
		p := &played{lines: []func(*http.Request) (*http.Response, error){hang}}
		for _, opts := range [][]client.Option{nil, {client.WithoutRateGate()}} {
			c := playing(t, p, opts...)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			submission, err := c.SubmitProduct(ctx, clientID, requestID)
			failed := failure(t, submission, err)
			require.ErrorIs(t, failed, context.Canceled)
			require.Equal(t, client.NotSent, failed.Outcome)
			require.Empty(t, failed.Attempts)
			ctx, cancel = context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
			defer cancel()
			submission, err = c.SubmitProduct(ctx, clientID, requestID)
			require.Equal(t, client.NotSent, failure(t, submission, err).Outcome)
		}
		require.Empty(t, p.at)
	})
}

// TestClient_SubmitProduct_retryBudget: many calls against a server that is down come to about one attempt
// each, not three.
func TestClient_SubmitProduct_retryBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &played{lines: []func(*http.Request) (*http.Response, error){says(500, "")}}
		c := playing(t, p, client.WithoutRateGate())
		const calls = 300
		var last *client.Error
		for range calls {
			submission, err := c.SubmitProduct(t.Context(), clientID, requestID)
			last = failure(t, submission, err)
		}
		require.Len(t, p.at, calls+client.BudgetSize)
		require.Contains(t, last.Attempts[0].Reason, "retry budget")

		// Successes fill it again.
		p.lines, p.at = []func(*http.Request) (*http.Response, error){says(200, seed(t))}, nil
		for range 5 {
			_, err := c.SubmitProduct(t.Context(), clientID, requestID)
			require.NoError(t, err)
		}
		p.lines, p.at = []func(*http.Request) (*http.Response, error){says(500, "")}, nil
		_, _ = c.SubmitProduct(t.Context(), clientID, requestID)
		require.Len(t, p.at, 2)
		p.at = nil

		// What the server asked for is not counted.
		p.lines = []func(*http.Request) (*http.Response, error){says(503, "", "Retry-After", "1")}
		_, _ = c.SubmitProduct(t.Context(), clientID, requestID)
		require.Len(t, p.at, 3)
	})
}
