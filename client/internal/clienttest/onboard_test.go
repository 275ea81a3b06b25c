package clienttest_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
	"github.com/cryptomate-go/enablement/gen/api"
)

// onboarding is one that can be gone to its end. Its steps are noted.
func onboarding(key string, steps *[]string) client.Onboarding {
	return client.Onboarding{
		Key: key, Client: input("sample@example.com", true), Product: api.CardsIndividuals, Documents: []client.Document{passport()},
		Tell: func(s client.Step) { *steps = append(*steps, strings.TrimSpace(fmt.Sprint(s.Operation, " ", s.Did))) },
	}
}

var allSteps = []string{"createClient made", "requestProduct made", "completeDocumentation made", "submitProduct made"}

// forgetful serves an API that knows no idempotency keys.
func forgetful(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Idempotency-Key")
		next.ServeHTTP(w, r)
	})
}

// asking is an API whose requests miss a passport.
func asking(t *testing.T, around func(next http.Handler) http.Handler) *memory {
	t.Helper()
	m := newMemory(t, around)
	m.asks = true
	return m
}

// requireOnce makes sure that everything was done, and once.
func requireOnce(t *testing.T, m *memory) {
	t.Helper()
	clients, products := m.read()
	require.Len(t, clients, 1)
	require.Equal(t, input("sample@example.com", true), clients[0].Input())
	require.Len(t, products, 1)
	require.Equal(t, api.InKyc, products[0].Status)
	require.Equal(t, []int{1, 1}, []int{m.documents, m.submissions})
}

// TestOnboard_interrupted: the program ends before or after any of its calls reaches the server, or its connection does.
// Run again, it comes to its end, and nothing is done twice, whether the server knows keys or not.
func TestOnboard_interrupted(t *testing.T) {
	t.Parallel()
	const calls = 7 // create, get, list, request, complete, list, submit
	for server, keys := range map[string]func(next http.Handler) http.Handler{"keys": plain, "no keys": forgetful} {
		for name, stage := range map[string]string{"before": "closed unanswered", "after": "lost"} {
			for n := 1; n <= calls; n++ {
				for _, ends := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s, %s call %d, program ends: %t", server, name, n, ends), func(t *testing.T) {
						t.Parallel()
						ctx, cancel := context.WithCancel(t.Context())
						defer cancel()
						key := rand.Text() // servers are used again
						var count atomic.Int32
						m := asking(t, func(next http.Handler) http.Handler {
							next = keys(next)
							return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
								if int(count.Add(1)) != n {
									next.ServeHTTP(w, r)
									return
								}
								if ends {
									defer cancel()
								}
								stages[stage].fault(w, r, next)
							})
						})
						var steps []string
						c := m.client(t, m.url, client.WithRetry(client.RetryPolicy{MaxAttempts: 1}))
						_, err := c.Onboard(ctx, onboarding(key, &steps))
						require.GreaterOrEqual(t, int(count.Load()), n)
						if err == nil {
							require.False(t, ends && name == "before", "nothing is done that was not asked for")
							requireOnce(t, m)
						}
						steps = nil
						done, err := c.Onboard(t.Context(), onboarding(key, &steps))
						require.NoError(t, err)
						require.Equal(t, api.InKyc, done.Product.Status)
						require.Len(t, steps, len(allSteps))
						requireOnce(t, m)
					})
				}
			}
		}
	}
}

// TestOnboard_again: each run goes on where the one before ended, and one that has nothing to do does nothing.
func TestOnboard_again(t *testing.T) {
	t.Parallel()
	m, key := asking(t, forgetful), rand.Text()
	c := m.client(t, m.url)
	var steps []string
	run := func(change func(*client.Onboarding), want ...string) *client.Onboarded {
		t.Helper()
		steps = nil
		o := onboarding(key, &steps)
		change(&o)
		done, err := c.Onboard(t.Context(), o)
		require.NoError(t, err)
		require.Equal(t, want, steps)
		return done
	}
	run(func(o *client.Onboarding) { o.Client, o.Documents = input("sample@example.com", false), nil },
		"createClient made", "requestProduct made", "submitProduct skipped")
	done := run(func(o *client.Onboarding) { o.Documents[0].Front = client.PhotoReader(strings.NewReader("%PDF-1.7")) },
		"createClient updated", "requestProduct found", "completeDocumentation rejected", "submitProduct skipped")
	require.Len(t, done.Rejected, 1)
	require.Len(t, done.Product.Missing(), 1)
	run(func(*client.Onboarding) {}, "createClient found", "requestProduct found", "completeDocumentation made", "submitProduct made")
	requireOnce(t, m)

	finished := []string{"createClient found", "requestProduct found", "completeDocumentation skipped", "submitProduct skipped"}
	run(func(o *client.Onboarding) { o.Client.Address.City = "elsewhere" }, finished...)
	requireOnce(t, m)
	for _, status := range []api.ProductStatus{api.Enabled, api.Rejected} { // decided: neither is another one made
		m.products[0].Status = status
		done := run(func(o *client.Onboarding) { o.WaitEvery = time.Millisecond }, finished...)
		require.Equal(t, status, done.Product.Status)
		require.Len(t, m.products, 1)
	}
	again, err := c.RequestProduct(t.Context(), done.Client.ID, api.CardsIndividuals)
	require.NoError(t, err)
	done = run(func(*client.Onboarding) {}, "createClient found", "requestProduct found", "completeDocumentation made", "submitProduct made")
	require.Equal(t, again.ID, done.Product.ID)
	run(func(o *client.Onboarding) {
		note := o.Tell
		o.Tell = func(s client.Step) {
			note(s)
			require.Equal(t, []string{again.ID, "in_kyc"}, []string{s.RequestID, string(s.Status)}, s.Operation)
		}
	}, finished...)
}

// TestOnboard_keys: a server that remembers what it answered does not make a run believe in what was true then.
func TestOnboard_keys(t *testing.T) {
	t.Parallel()
	m, key := asking(t, plain), rand.Text()
	c := m.client(t, m.url)
	var steps []string
	o := onboarding(key, &steps)
	o.Documents = nil
	done, err := c.Onboard(t.Context(), o)
	require.NoError(t, err)
	_, err = c.UpdateClient(t.Context(), done.Client.ID, input("sample@example.com", false))
	require.NoError(t, err)
	steps = nil
	_, err = c.Onboard(t.Context(), onboarding(key, &steps))
	require.NoError(t, err)
	require.Equal(t, []string{"createClient updated", "requestProduct found", "completeDocumentation made", "submitProduct made"}, steps)
	requireOnce(t, m)
}

// TestOnboard_waits until the request is decided.
func TestOnboard_waits(t *testing.T) {
	t.Parallel()
	m, key := asking(t, plain), rand.Text()
	var steps []string
	o := onboarding(key, &steps)
	o.WaitEvery = time.Millisecond
	note := o.Tell
	o.Tell = func(s client.Step) {
		if note(s); s.Operation == "submitProduct" {
			m.mu.Lock()
			m.products[0].Status = api.Enabled
			m.mu.Unlock()
		}
	}
	done, err := m.client(t, m.url).Onboard(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, append(append([]string{}, allSteps...), "listProducts waited"), steps)
	require.Equal(t, api.Enabled, done.Product.Status)
}

// TestOnboard_refuses before anything is sent, and gives the error of the step that failed.
func TestOnboard_refuses(t *testing.T) {
	t.Parallel()
	nobody := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }))
	t.Cleanup(nobody.Close)
	key := rand.Text()
	for want, tt := range map[string]struct {
		change func(*client.Onboarding)
		opts   []client.CallOption
	}{
		"Onboarding.Key is empty":                 {change: func(o *client.Onboarding) { o.Key = "" }},
		"WithIdempotencyKey is of one call":       {change: func(*client.Onboarding) {}, opts: []client.CallOption{client.WithIdempotencyKey("k")}},
		"WithTimeout":                             {change: func(*client.Onboarding) {}, opts: []client.CallOption{client.WithTimeout(-1)}},
		"Onboarding.Documents[0]: Document.Front": {change: func(o *client.Onboarding) { o.Documents[0].Front = client.PhotoFile("canary") }},
	} {
		var steps []string
		o := onboarding(key, &steps)
		tt.change(&o)
		_, err := new(memory).client(t, nobody.URL).Onboard(t.Context(), o, tt.opts...)
		require.ErrorIs(t, err, client.ErrInvalidInput)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "canary")
		require.Empty(t, steps)
	}
	m := asking(t, plain)
	var steps []string
	o := onboarding(key, &steps)
	o.Product = "nonsense"
	_, err := m.client(t, m.url).Onboard(t.Context(), o)
	require.ErrorIs(t, err, client.ErrPrecondition)
	require.Equal(t, []string{"createClient made"}, steps)
}
