package client_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
)

// ladder is a server with the API's rate limit: 15 calls in any second, a block that doubles with
// every violation. Each call takes its time to it and back.
type ladder struct {
	mu           sync.Mutex
	arrived      []time.Time
	blockedUntil time.Time
	violations   int
	inBlock      int
	latency      func() time.Duration
	response     string
}

func (l *ladder) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(l.latency())
	resp, err := l.answer(req)
	time.Sleep(l.latency())
	return resp, err
}

func (l *ladder) answer(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.arrived = slices.DeleteFunc(l.arrived, func(at time.Time) bool { return now.Sub(at) >= time.Second })
	switch {
	case now.Before(l.blockedUntil):
		l.inBlock++
	case len(l.arrived) < 15:
		l.arrived = append(l.arrived, now)
		return says(200, l.response)(req)
	default:
		l.violations++
		l.blockedUntil = now.Add(time.Second << (l.violations - 1))
	}
	seconds := l.blockedUntil.Sub(now)/time.Second + 1
	return says(429, "", "Retry-After", seconds.String()[:1])(req)
}

// TestRateGate_keepsToTheLimit runs against the worst network: each call takes from nothing to half a
// second to the server, and from nothing to half a second back.
func TestRateGate_keepsToTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := &ladder{response: seed(t), latency: func() time.Duration { return rand.N(500 * time.Millisecond) }}
		began := time.Now()
		var group sync.WaitGroup
		for range 200 {
			group.Go(func() {
				// A client for every call: they share the gate.
				c := playingOn(t, server)
				_, err := c.SubmitProduct(t.Context(), clientID, requestID)
				require.NoError(t, err)
			})
		}
		group.Wait()
		require.Zero(t, server.violations)
		require.Zero(t, server.inBlock)
		require.Less(t, time.Since(began), 30*time.Second)
	})
}

func playingOn(t *testing.T, transport http.RoundTripper, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := client.New(key, append([]client.Option{
		client.WithHTTPClient(&http.Client{Transport: transport}), client.WithBaseURL(ownURL(t)),
	}, opts...)...)
	require.NoError(t, err)
	return c
}

// TestRateGate_isFast: what the limit allows is sent at once.
func TestRateGate_isFast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &played{lines: []func(*http.Request) (*http.Response, error){says(200, seed(t))}}
		c := playing(t, p)
		began := time.Now()
		for range 31 {
			_, err := c.SubmitProduct(t.Context(), clientID, requestID)
			require.NoError(t, err)
		}
		for i, at := range p.at {
			require.Equal(t, time.Duration(i/15)*time.Second, at.Sub(began))
		}
	})
}

func TestRateGate_remembersBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &played{lines: []func(*http.Request) (*http.Response, error){says(429, "", "Retry-After", "60"), says(200, seed(t))}}
		first, second := playing(t, p, once), playing(t, p)
		began := time.Now()
		_, err := first.SubmitProduct(t.Context(), clientID, requestID)
		require.ErrorIs(t, err, client.ErrRateLimited)

		// A deadline within the block: an error at once, and nothing is sent.
		time.Sleep(10 * time.Second)
		began2 := time.Now()
		submission, err := second.SubmitProduct(t.Context(), clientID, requestID, client.WithTimeout(20*time.Second))
		failed := failure(t, submission, err)
		require.Zero(t, time.Since(began2))
		require.ErrorIs(t, failed, client.ErrRateLimited)
		require.Equal(t, client.NotSent, failed.Outcome)
		require.Equal(t, 50*time.Second, failed.RetryAfter)
		require.Zero(t, failed.StatusCode)
		require.Empty(t, failed.Attempts)
		require.EqualError(t, failed, "submit product: rate limited: held back here, because the next call may be sent in 50s, after the deadline; nothing was sent")
		require.Len(t, p.at, 1)

		// Another address and no gate: not held back.
		for _, other := range []*client.Client{
			playing(t, p, client.WithBaseURL(ownURL(t)+"/other")), playing(t, p, client.WithoutRateGate()),
		} {
			_, err = other.SubmitProduct(t.Context(), clientID, requestID)
			require.NoError(t, err)
		}
		require.Equal(t, 10*time.Second, time.Since(began))

		// With time enough, it waits for the end of the block. The same address in other letters is the same.
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				_, err := playing(t, p, client.WithBaseURL("HTTPS://"+ownURL(t)[8:]+"/")).SubmitProduct(t.Context(), clientID, requestID)
				require.NoError(t, err)
			})
		}
		synctest.Wait()
		require.Equal(t, 3, p.sent())
		group.Wait()
		require.Equal(t, time.Minute, time.Since(began))
		require.Len(t, p.at, 13)
	})
}

// TestRateGate_blocksForFractions: the gate stays closed for as long as the error says.
func TestRateGate_blocksForFractions(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"1.5": 1500 * time.Millisecond, "3.2": 3200 * time.Millisecond, "0.0001": time.Millisecond, "2": 2 * time.Second,
		"99999999999999999999": (1<<32 - 1) * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &played{lines: []func(*http.Request) (*http.Response, error){says(429, "", "Retry-After", value), says(200, seed(t))}}
			c := playing(t, p, once)
			began := time.Now()
			submission, err := c.SubmitProduct(t.Context(), clientID, requestID)
			require.Equal(t, want, failure(t, submission, err).RetryAfter)
			// One whose deadline is the end of the block is not sent, one that has longer is sent then.
			submission, err = c.SubmitProduct(t.Context(), clientID, requestID, client.WithTimeout(want))
			failed := failure(t, submission, err)
			require.Equal(t, client.NotSent, failed.Outcome)
			require.Equal(t, want, failed.RetryAfter)
			require.ErrorContains(t, failed, " in "+want.String()+",")
			_, err = c.SubmitProduct(t.Context(), clientID, requestID, client.WithTimeout(want+1))
			require.NoError(t, err)
			require.Equal(t, want, p.at[1].Sub(began))
		})
	}
}

// TestRateGate_queue: those who wait go in order, give up at their deadline or when canceled, and
// leave no place taken.
func TestRateGate_queue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		p := &played{lines: []func(*http.Request) (*http.Response, error){
			func(req *http.Request) (*http.Response, error) {
				select {
				case <-hold:
				case <-req.Context().Done():
				}
				return says(200, seed(t))(req)
			},
		}}
		c := playing(t, p, client.WithRateLimit(1))
		var mu sync.Mutex
		var ended []string
		endedAre := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			require.Equal(t, want, ended)
		}
		call := func(name string, want error, opts ...client.CallOption) func() {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				_, err := c.SubmitProduct(ctx, clientID, requestID, opts...)
				require.ErrorIs(t, err, want)
				mu.Lock()
				defer mu.Unlock()
				ended = append(ended, name)
			}()
			synctest.Wait()
			return cancel
		}
		_ = call("first", nil)
		cancelSecond := call("second", context.Canceled)
		_ = call("third", client.ErrRateLimited, client.WithTimeout(10*time.Second))
		_ = call("fourth", nil)
		_ = call("fifth", client.ErrRateLimited, client.WithTimeout(2*time.Second)) // it would need three
		endedAre("fifth")
		cancelSecond()
		endedAre("fifth", "second")
		time.Sleep(10 * time.Second)
		endedAre("fifth", "second", "third") // nobody knows when the first one comes back
		close(hold)
		time.Sleep(2 * time.Second)
		endedAre("fifth", "second", "third", "first", "fourth")
		require.Equal(t, 2, p.sent())
	})
}

// TestRateGate_panics: a transport that panics takes no place for ever.
func TestRateGate_panics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &played{lines: []func(*http.Request) (*http.Response, error){
			func(*http.Request) (*http.Response, error) { panic("transport") }, says(200, seed(t)),
		}}
		c := playing(t, p, client.WithRateLimit(1))
		require.Panics(t, func() { _, _ = c.SubmitProduct(t.Context(), clientID, requestID) })
		_, err := c.SubmitProduct(t.Context(), clientID, requestID)
		require.NoError(t, err)
	})
}

func TestRateGate_429WithoutRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &played{lines: []func(*http.Request) (*http.Response, error){says(429, ""), says(200, seed(t))}}
		c := playing(t, p)
		submission, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithTimeout(time.Second))
		failed := failure(t, submission, err)
		require.Equal(t, time.Second, failed.RetryAfter, "the block is told")
		require.Contains(t, failed.Attempts[0].Reason, "the deadline is before the next attempt, in 1s")
		_, err = c.SubmitProduct(t.Context(), clientID, requestID)
		require.NoError(t, err)
		require.Equal(t, time.Second, p.at[1].Sub(p.at[0]))
	})
}
