package client_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cryptomate-go/enablement/client"
)

func TestOptions_refuse(t *testing.T) {
	t.Parallel()
	for want, opt := range map[string]client.Option{
		"WithHTTPClient: the client is nil":                        client.WithHTTPClient(nil),
		"WithUserAgent: the suffix must be visible ASCII":          client.WithUserAgent(""),
		"WithUserAgent: the suffix must be visible":                client.WithUserAgent("a\r\nX-Evil: 1"),
		"WithUserAgent: the suffix must be":                        client.WithUserAgent(" a"),
		"WithUserAgent: the suffix must":                           client.WithUserAgent("ä"),
		"WithAttemptTimeout: 0s is no time at all":                 client.WithAttemptTimeout(0),
		"WithAttemptTimeout: -1ns is no time at all":               client.WithAttemptTimeout(-1),
		"WithRateLimit: 0 calls a second":                          client.WithRateLimit(0),
		"WithLogger: the logger is nil":                            client.WithLogger(nil),
		"WithTracerProvider: the provider is nil":                  client.WithTracerProvider(nil),
		"WithMeterProvider: the provider is nil":                   client.WithMeterProvider(nil),
		"WithRetry: MaxAttempts is 11; pass 1 to 10, or 0 for the": client.WithRetry(client.RetryPolicy{MaxAttempts: 11}),
		"WithBaseURL: http would send the API key in the clear; u": client.WithBaseURL("http://api.cryptomate.me"),
	} {
		c, err := client.New(key, opt)
		require.Nil(t, c)
		require.ErrorContains(t, err, "client: "+want)
	}
}

func TestCallOptions_refuse(t *testing.T) {
	t.Parallel()
	p := &played{lines: []func(*http.Request) (*http.Response, error){says(200, seed(t))}}
	c := playing(t, p)
	refused := func(want string, opt client.CallOption) {
		t.Helper()
		submission, err := c.SubmitProduct(t.Context(), clientID, requestID, opt)
		failed := failure(t, submission, err)
		require.ErrorIs(t, failed, client.ErrInvalidInput)
		require.Equal(t, client.NotSent, failed.Outcome)
		require.ErrorContains(t, failed, want)
	}
	for _, name := range []string{
		"x-api-key", "X-Api-Key", "idempotency-key", "x-idempotency-key", "host", "Content-Length", "transfer-encoding",
		"connection", "user-agent", "accept", "accept-encoding", "te", "upgrade", "expect", "trailer", "content-type",
	} {
		refused("WithHeader: "+http.CanonicalHeaderKey(name)+" is not for callers", client.WithHeader(name, "x"))
	}
	for _, name := range []string{"", "a b", "a:", "a\n", "ä", "a\x00"} {
		refused("WithHeader: the name is not one of a header", client.WithHeader(name, "x"))
	}
	for _, value := range []string{"", " a", "a ", "a\r\nb: c", "a\x00", "ä"} {
		if value != "" {
			refused("WithHeader: the value of X-Gateway must be", client.WithHeader("x-gateway", value))
		}
	}
	for _, n := range []int{-1, 0, 11} {
		refused("WithAttempts: ", client.WithAttempts(n))
	}
	refused("WithTimeout: 0s is no time at all", client.WithTimeout(0))
	refused("WithResponse: the pointer is nil", client.WithResponse(nil))
	require.Empty(t, p.at)
}

func TestOptions_areSent(t *testing.T) {
	t.Parallel()
	var got http.Header
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		answer(200, "application/json", seed(t))(w, r)
	}, client.WithUserAgent("shop/1.2 (test)"))
	_, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithHeader("x-gateway", "a b"), client.WithHeader("traceparent", "x"))
	require.NoError(t, err)
	require.Equal(t, "enablement-go/"+client.Version+" shop/1.2 (test)", got.Get("User-Agent"))
	require.Equal(t, "a b", got.Get("X-Gateway"))
	_, err = c.SubmitProduct(t.Context(), clientID, requestID, client.WithIdempotencyKey("of-the-call"))
	require.NoError(t, err)
	require.Equal(t, "of-the-call", got.Get("Idempotency-Key"))
	require.Empty(t, got.Get("X-Gateway"), "a header of another call")
}

// TestWithResponse: what this version does not know is there to read.
func TestWithResponse(t *testing.T) {
	t.Parallel()
	body := strings.Replace(seed(t), `"rejected_items"`, `"next_step": {"due": "2027-01-01"}, "rejected_items"`, 1)
	response := client.Response{Attempts: make([]client.Attempt, 7), TraceID: "of a call before"}
	c := serve(t, answer(200, "application/json", body, "X-Trace-Id", trace))
	_, err := c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
	require.NoError(t, err)
	require.JSONEq(t, body, string(response.Body))
	require.Equal(t, trace, response.TraceID)
	require.Equal(t, 200, response.StatusCode)
	require.Len(t, response.Attempts, 1)
	require.Empty(t, response.Attempts[0].Cause)

	c = serve(t, answer(404, "application/json", `{"code":"NOT_FOUND"}`))
	_, err = c.SubmitProduct(t.Context(), clientID, requestID, client.WithResponse(&response))
	require.Error(t, err)
	require.Equal(t, 404, response.StatusCode)
	require.JSONEq(t, `{"code":"NOT_FOUND"}`, string(response.Body))
	require.Len(t, response.Attempts, 1)
}

// TestWithResponse_notSent: of a call that is not sent, the response says nothing, also where it was filled before.
func TestWithResponse_notSent(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(ctx context.Context, c *client.Client, opts ...client.CallOption) error{
		"no id": func(ctx context.Context, c *client.Client, opts ...client.CallOption) error {
			_, err := c.SubmitProduct(ctx, "a/b", requestID, opts...)
			return err
		},
		"a wrong option before": func(ctx context.Context, c *client.Client, opts ...client.CallOption) error {
			_, err := c.SubmitProduct(ctx, clientID, requestID, append([]client.CallOption{client.WithAttempts(0)}, opts...)...)
			return err
		},
		"no photo": func(ctx context.Context, c *client.Client, opts ...client.CallOption) error {
			_, err := c.CompleteDocumentation(ctx, clientID, requestID, client.Document{Type: "passport"}, opts...)
			return err
		},
	} {
		response := client.Response{StatusCode: 200, Body: []byte("of a call before")}
		require.ErrorIs(t, call(t.Context(), newClient(t), client.WithResponse(&response)), client.ErrInvalidInput, name)
		require.Equal(t, client.Response{}, response, name)
	}
}

// TestFromEnv sets the environment, so it does not run beside others.
func TestFromEnv(t *testing.T) {
	t.Setenv("CRYPTOMATE_API_KEY", "")
	t.Setenv("CRYPTOMATE_BASE_URL", "")
	c, err := client.FromEnv()
	require.Nil(t, c)
	require.EqualError(t, err, "client: CRYPTOMATE_API_KEY is not set; set it to the key as the portal showed it")

	t.Setenv("CRYPTOMATE_API_KEY", key+"\n")
	_, err = client.FromEnv()
	require.ErrorContains(t, err, "client: CRYPTOMATE_API_KEY: the API key is empty, or holds a space, a line break")

	t.Setenv("CRYPTOMATE_API_KEY", key)
	require.Equal(t, client.Production, sentTo(t))
	t.Setenv("CRYPTOMATE_BASE_URL", client.Sandbox)
	require.Equal(t, client.Sandbox, sentTo(t))
	require.Equal(t, "https://gateway.example", sentTo(t, client.WithBaseURL("https://gateway.example")), "an option overrides it")

	t.Setenv("CRYPTOMATE_BASE_URL", "http://user:hunter2@gateway.example")
	_, err = client.FromEnv()
	require.ErrorContains(t, err, "client: CRYPTOMATE_BASE_URL: WithBaseURL: user and password")
	require.NotContains(t, err.Error(), "hunter2")
	require.Equal(t, "https://gateway.example", sentTo(t, client.WithBaseURL("https://gateway.example")), "an option overrides a wrong one, too")
}

// sentTo returns where a client of the environment sends its calls.
func sentTo(t *testing.T, opts ...client.Option) string {
	t.Helper()
	var to string
	c, err := client.FromEnv(append(opts, once, client.WithoutRateGate(), client.WithHTTPClient(&http.Client{
		Transport: transport(func(req *http.Request) (*http.Response, error) {
			to = req.URL.Scheme + "://" + req.URL.Host
			return nil, context.Canceled
		}),
	}))...)
	require.NoError(t, err)
	_, err = c.SubmitProduct(t.Context(), clientID, requestID)
	require.Error(t, err)
	return to
}
