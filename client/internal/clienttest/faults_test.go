package clienttest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

// newClient returns a client without a rate gate, which is tested apart.
func newClient(t *testing.T, s *service, url string, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(s.key, append([]client.Option{
		client.WithBaseURL(url), client.WithoutRateGate(), client.WithAttemptTimeout(2 * time.Second),
	}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// request and response are about as long as these; the tests cut and garble at every few bytes of them.
const (
	requestBytes  = 290
	responseBytes = 480
)

// faults are faults at every stage of a call.
func faults() map[string]fault {
	with := func(change func(*fault)) fault {
		f := noFault()
		change(&f)
		return f
	}
	all := map[string]fault{
		"none":                            noFault(),
		"closed before the request":       with(func(f *fault) { f.closed = true }),
		"reset before the request":        with(func(f *fault) { f.closed, f.reset = true, true }),
		"response held back for too long": with(func(f *fault) { f.delay = 5 * time.Second }),
		"response lost":                   with(func(f *fault) { f.cutResponse = 0 }),
		"response lost by a reset":        with(func(f *fault) { f.cutResponse, f.reset = 0, true }),
	}
	for at := 1; at < requestBytes; at += 29 {
		all[fmt.Sprintf("cut after byte %d of the request", at)] = with(func(f *fault) { f.cutRequest = at })
	}
	for at := 1; at < responseBytes; at += 37 {
		all[fmt.Sprintf("cut after byte %d of the response", at)] = with(func(f *fault) { f.cutResponse = at })
		all[fmt.Sprintf("reset after byte %d of the response", at)] = with(func(f *fault) { f.cutResponse, f.reset = at, true })
	}
	for at := 0; at < requestBytes; at += 23 {
		all[fmt.Sprintf("byte %d of the request garbled", at)] = with(func(f *fault) { f.flipRequest, f.flip = at, 0x15 })
	}
	for at := 0; at < responseBytes; at += 17 {
		all[fmt.Sprintf("byte %d of the response garbled", at)] = with(func(f *fault) { f.flipResponse, f.flip = at, 0x15 })
	}
	// The status of the response: 200 becomes 300, 400, 500, 600, 210, 240, 201, 204.
	for at, flips := range map[int][]byte{9: {1, 6, 7, 4}, 10: {1, 4}, 11: {1, 4}} {
		for _, flip := range flips {
			all[fmt.Sprintf("status garbled at %d by %d", at, flip)] = with(func(f *fault) { f.flipResponse, f.flip = at, flip })
		}
	}
	return all
}

// TestFaults holds what the client says of a call against what the service's database says of the
// request, for faults at every stage: it never says wrongly that nothing happened.
func TestFaults(t *testing.T) {
	t.Parallel()
	all := faults()
	s := start(t, 3*len(all), "--rate-limit", "0")
	outcomes := make(map[string]int)
	var mu sync.Mutex
	t.Run("cases", func(t *testing.T) {
		for name, f := range all {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				clientID, requestID := s.next()
				p := newProxy(t, s.url, f)
				submission, err := newClient(t, s, p.url).SubmitProduct(t.Context(), clientID, requestID, client.WithAttempts(1))
				said := "done"
				if err == nil {
					require.Equal(t, requestID, submission.Product.ID)
					require.Equal(t, "in_kyc", s.status(t, requestID), "it said that it is done")
				} else {
					failed, ok := errors.AsType[*client.Error](err)
					require.True(t, ok)
					said = failed.Outcome.String()
					if failed.Outcome != client.Unknown {
						require.Equal(t, "pending_documentation", s.status(t, requestID), "%s: %v", failed.Outcome, err)
					}
					// Whatever became of it, submitting again under the same key ends well.
					submission, err = newClient(t, s, s.url).SubmitProduct(t.Context(), clientID, requestID,
						client.WithIdempotencyKey(failed.IdempotencyKey))
					if failed.Outcome == client.Unknown && strings.HasPrefix(name, "byte") && errors.Is(err, client.ErrNotPending) {
						err = nil // the garbled byte was in the key: the first call was under another one
					} else {
						require.NoError(t, err)
						require.Equal(t, api.InKyc, submission.Product.Status)
					}
					require.NoError(t, err)
					require.Equal(t, "in_kyc", s.status(t, requestID))
				}
				mu.Lock()
				defer mu.Unlock()
				outcomes[said]++
			})
		}
	})
	t.Log(outcomes)
	require.Greater(t, outcomes["unknown"], 10)
	require.Greater(t, outcomes["refused"], 3)
	require.Greater(t, outcomes["done"], 10)
}

// TestFaults_nobodyListens: the call that reached nobody is the only one that was not sent.
func TestFaults_nobodyListens(t *testing.T) {
	t.Parallel()
	s := start(t, 1, "--rate-limit", "0")
	clientID, requestID := s.next()
	_, err := newClient(t, s, "http://127.0.0.1:1").SubmitProduct(t.Context(), clientID, requestID)
	failed, ok := errors.AsType[*client.Error](err)
	require.True(t, ok)
	require.Equal(t, client.NotSent, failed.Outcome)
	require.Equal(t, "pending_documentation", s.status(t, requestID))
}

// TestFaults_retried: with retries, a fault that passes is not even noticed, and a lost response is
// answered with the original one.
func TestFaults_retried(t *testing.T) {
	t.Parallel()
	passing := make(map[string]fault)
	for name, f := range faults() {
		if f.flipResponse < 0 && f.flipRequest < 0 { // what is garbled may be refused for good
			passing[name] = f
		}
	}
	s := start(t, len(passing), "--rate-limit", "0")
	var submitted []string
	var retried int
	var mu sync.Mutex
	t.Run("cases", func(t *testing.T) {
		for name, f := range passing {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				clientID, requestID := s.next()
				p := newProxy(t, s.url, f)
				var response client.Response
				submission, err := newClient(t, s, p.url, client.WithAttemptTimeout(time.Second)).
					SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
				require.NoError(t, err)
				require.Equal(t, api.InKyc, submission.Product.Status)
				require.EqualValues(t, p.dials.Load(), len(response.Attempts), "what was sent is what was counted")
				// The same bytes again: the response is the original one.
				var again client.Response
				_, err = newClient(t, s, s.url).SubmitProduct(t.Context(), clientID, requestID,
					client.WithIdempotencyKey(response.IdempotencyKey), client.WithResponse(&again))
				require.NoError(t, err)
				require.Equal(t, string(response.Body), string(again.Body))
				mu.Lock()
				defer mu.Unlock()
				submitted = append(submitted, requestID)
				if len(response.Attempts) > 1 {
					retried++
				}
			})
		}
	})
	require.GreaterOrEqual(t, retried, len(passing)-3, "most faults did bite")
	// Each of them was told to the provider, who acted once.
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.told) == len(submitted)
	}, patience, 10*time.Millisecond)
	for _, requestID := range submitted {
		require.Equal(t, 1, s.told[requestID])
	}
}

// TestRateLadder: 200 callers at once against the service's own limit of 15 a second. Nobody is ever
// refused, so there is no block, and nothing is sent within one.
func TestRateLadder(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 14 seconds: 200 calls at 15 a second")
	}
	const callers = 200
	s := start(t, callers, "--rate-limit", "15")
	var group sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		group.Go(func() {
			// Each with a client of its own: the gate is the process's.
			c, err := client.New(s.key, client.WithBaseURL(s.url))
			if err != nil {
				errs[i] = err
				return
			}
			defer c.CloseIdleConnections()
			_, errs[i] = c.SubmitProduct(t.Context(), "cl_"+strconv.Itoa(i+1), "rq_"+strconv.Itoa(i+1))
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, map[string]int{"200": callers}, s.statuses(callers))
}

// TestRateLadder_blockedByOthers: somebody else used up the limit. The client meets the block once,
// and nothing more is sent before it ends.
func TestRateLadder_blockedByOthers(t *testing.T) {
	t.Parallel()
	const callers = 14
	s := start(t, callers+1, "--rate-limit", "15")
	for range 15 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/management/clients/individuals/a/products/b/submit", nil)
		require.NoError(t, err)
		req.Header.Set("x-api-key", s.key)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		_ = resp.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	c, err := client.New(s.key, client.WithBaseURL(s.url))
	require.NoError(t, err)
	defer c.CloseIdleConnections()
	clientID, requestID := s.next()
	_, err = c.SubmitProduct(t.Context(), clientID, requestID, client.WithAttempts(1))
	require.ErrorIs(t, err, client.ErrRateLimited)
	began := time.Now()
	var group sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		group.Go(func() {
			_, errs[i] = c.SubmitProduct(t.Context(), "cl_"+strconv.Itoa(i+2), "rq_"+strconv.Itoa(i+2))
		})
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	require.GreaterOrEqual(t, time.Since(began), 900*time.Millisecond)
	require.Equal(t, map[string]int{"404": 15, "429": 1, "200": callers}, s.statuses(15+1+callers))
}

// TestCompatibility: an unchanged client against a service whose responses have a field more, a status
// that is new, and zones in the timestamps.
func TestCompatibility(t *testing.T) {
	t.Parallel()
	s := start(t, 1, "--rate-limit", "0")
	clientID, requestID := s.next()
	newer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var response client.Response
		if _, err := newClient(t, s, s.url).SubmitProduct(r.Context(), clientID, requestID, client.WithResponse(&response)); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		body := strings.Replace(string(response.Body), `"in_kyc"`, `"in_second_review","reviewer":{"tier":2}`, 1)
		for _, field := range []string{"created_at", "updated_at"} {
			at := strings.Index(body, `"`+field+`":"`) + len(field) + 4
			body = body[:at+19] + ".250-03:00" + body[at+19:]
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(newer.Close)
	var response client.Response
	submission, err := newClient(t, s, newer.URL).SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
	require.NoError(t, err)
	require.Equal(t, api.ProductStatus("in_second_review"), submission.Product.Status)
	require.False(t, submission.Product.Status.Valid())
	require.False(t, submission.Complete(), "nobody here knows whom it is with")
	require.WithinDuration(t, time.Now().Add(3*time.Hour), submission.Product.UpdatedAt.Time, 2*time.Minute)
	require.Contains(t, string(response.Body), `"reviewer":{"tier":2}`)
}
